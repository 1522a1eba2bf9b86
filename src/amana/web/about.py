"""Open about ourselves: who we are, what we hold and why, generated from what is published and registered.

Rule. Nothing on these pages is written by hand: notices are the published ones, fields the registered ones, so that what
is said cannot differ from what is done. The friend page hands out a link to share and takes nobody's address. The GPC
resource says that the signal is honoured (Global Privacy Control, section 5).
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from amana.core.notices import Published
from amana.services.record import links, verify_page
from amana.services.record.publication import log_key
from amana.storage import register
from amana.web import forms, naming
from amana.web.visit import Answer, Page, Plain, Visit, gone


def show(visit: Visit) -> Answer:
    """Who we are, what we hold and why."""
    spoken = visit.words()
    workspace = visit.house.workspace
    notices = [naming.notice(one) for one in _latest(visit)]
    fields = [
        (
            naming.field(workspace, name, spoken),
            [naming.purpose(workspace, purpose, spoken) for purpose in one.purposes],
            spoken.duration(one.kept_for),
            one.hold.value,
        )
        for name, one in workspace.fields.items()
    ]
    values = {
        "notices": notices,
        "fields": fields,
        "name_purpose": lambda name: naming.purpose(workspace, name, spoken),
        "shared": sorted({one for notice in notices for one in notice.shared_with}),
        "forms": [name for name, one in workspace.capture_points.items() if one.kind in forms.HOSTED],
    }
    return Page(template="about", words=spoken, values=values)


def refer(visit: Visit) -> Answer:
    """A link to share with a friend. No address is asked for, nothing is stored."""
    found = [name for name, one in visit.house.workspace.capture_points.items() if one.kind in forms.HOSTED]
    if not found:
        raise gone()
    spoken = visit.words()
    address = links.form(visit.house, found[0])
    brand = next(iter(visit.house.workspace.brands.values())).name
    body = f"{spoken.plain('refer_message', brand=brand)}\n{address}"
    values = {
        "address": address,
        "form": found[0],
        "mail": f"mailto:?subject={quote(brand)}&body={quote(body)}",
    }
    return Page(template="refer", words=spoken, values=values)


def gpc(visit: Visit) -> Answer:
    """The GPC support resource."""
    with visit.house.database.read() as connection:
        at = register.latest_publication(connection)
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    return Plain(
        body=msgspec.json.encode({"gpc": True, "lastUpdate": day}), media="application/json", cached=3600
    )


def verify(visit: Visit) -> Answer:
    """The page that checks a receipt in the browser, with this log's key filled in."""
    page = verify_page.made({"key": log_key(visit.house).text()}, visit.words().language)
    return Plain(body=page.encode(), media="text/html", own_policy=True)


def _latest(visit: Visit) -> list[Published]:
    with visit.house.database.read() as connection:
        return list({one.id: one for one in register.notice_versions(connection)}.values())
