"""Requests from controllers in the OpenDSR 2.0 form: taken, signed for, followed, called back, and cancelled.

Rule.
- A controller's request is a request of ours; which one is found by the controller's key and its id, written into the
  request's log. Sent again it is the same one, also after a kill between the two.
- What a controller says of identity counts as checked only for a key that may vouch.
- Every answer and every callback is signed over its bytes with the key of the certificate that names our domain
  (RSA, SHA-256). The echo of a request's body is given back and stored nowhere.
- A callback is a task for each address: it looks at the request every `LISTEN` seconds, calls when the status is
  another than the last one told, and ends with the last status. It is retried as tasks are; told twice is possible,
  not told is not. Only https addresses of the hosts that the workspace lists are called; the list is looked at again each
  time, and redirects are not followed.
- No result is handed to a controller: the copy is the person's, who fetches it with a proof of their own.
"""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from amana import errors
from amana.core import opendsr
from amana.core.opendsr import Processor, Wanted
from amana.core.rights import Identity, Kind, Status, Via
from amana.services.record import posting, tasks
from amana.services.record.api_keys import Caller
from amana.services.record.house import House
from amana.services.record.tokens import gone
from amana.services.record.writing import Session
from amana.services.rights import requests
from amana.services.rights.requests import Said
from amana.storage import requests as rows
from amana.storage.requests import RequestRow
from amana.storage.tasks import TaskRow

TASK = "opendsr_callback"
TOLD = "opendsr_told"
LISTEN = 60  # seconds between two looks at a request that somebody wants to be called back about
PATIENCE = 10  # seconds for an answer
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
DOMAIN_HEADER, SIGNATURE_HEADER = "X-OpenDSR-Processor-Domain", "X-OpenDSR-Signature"
_encode = msgspec.json.Encoder(order="sorted").encode


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A controller's request."""

    id: str
    controller: str
    row: RequestRow


def processor(house: House) -> Processor:
    """As whom requests are taken. Raises NotFound where the workspace takes none."""
    if house.workspace.opendsr is None:
        raise errors.NotFound("There is nothing here", remedy="check the address")
    return house.workspace.opendsr


def take(house: House, caller: Caller, wanted: Wanted) -> Held:
    """Write a controller's request down, or find it. Raises BadInput, Conflict."""
    here = processor(house)
    kind = Kind(wanted.subject_request_type)
    about = opendsr.subject(wanted)
    urls = callbacks(here, wanted.status_callback_urls)
    known = _noted(house, caller, wanted.subject_request_id)
    if known is not None:
        if known.kind != kind.value:
            raise errors.Conflict("This id names another request already", remedy="make a new id")
        return Held(id=wanted.subject_request_id, controller=caller.name, row=known)
    brand = "" if "*" in caller.brands or len(caller.brands) != 1 else next(iter(caller.brands))
    said = Said(
        kind=kind,
        via=Via.OPENDSR,
        brand=brand,
        language=house.workspace.organisation.languages[0],
        address=about.address,
        identities=about.identities,
        proved=Identity.CHECKED if caller.may("vouch") else Identity.CLAIMED,
        received=min(int(wanted.submitted_time.timestamp()), house.clock()),
    )
    row = requests.open_(house, said, actor=f"api:{caller.name}")
    house.writing().write(lambda session: _note(house, session, caller, wanted.subject_request_id, row, urls))
    return Held(id=wanted.subject_request_id, controller=caller.name, row=row)


def held(house: House, caller: Caller, request_id: str) -> Held:
    """A controller's request by its id. Raises NotFound, for another controller's as for none."""
    processor(house)
    row = _noted(house, caller, request_id)
    if row is None:
        raise gone()
    return Held(id=request_id, controller=caller.name, row=row)


def cancel(house: House, caller: Caller, request_id: str) -> Held:
    """Take a request back, before it runs. Raises NotFound, Conflict."""
    found = held(house, caller, request_id)
    row = requests.cancel(house, found.row.ref, actor=f"api:{caller.name}")
    return msgspec.structs.replace(found, row=row)


def status(house: House, one: Held) -> dict[str, Any]:
    """How a request stands, as a controller is told."""
    told: dict[str, Any] = {
        "controller_id": one.controller,
        "expected_completion_time": stamp(one.row.due),
        "subject_request_id": one.id,
        "request_status": word(one.row),
        "api_version": opendsr.VERSION,
    }
    answered = [line for line in requests.happened(house, one.row) if line.what == "answered"]
    if answered and "rows" in answered[-1].detail:
        told["results_count"] = answered[-1].detail["rows"]
    return told


def word(row: RequestRow) -> str:
    """OpenDSR's word for where a request stands."""
    return opendsr.status_of(Status(row.status), began=row.run is not None)


def stamp(at: int) -> str:
    """A moment in RFC 3339."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- signing ------------------------------------------------------------------------------------------------------


def signed(house: House, body: bytes) -> dict[str, str]:
    """The headers that vouch for a body. Raises BadSettings for a key that cannot sign."""
    here = processor(house)
    text = posting.secret(house, here.key_file).encode()
    try:
        key = serialization.load_pem_private_key(text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise errors.BadSettings(
            "The key that signs for OpenDSR cannot be used",
            expected="a PEM file with an RSA key and no password",
            remedy="mend key_file in [opendsr]",
        )
    signature = key.sign(body, padding.PKCS1v15(), hashes.SHA256())
    return {DOMAIN_HEADER: here.domain, SIGNATURE_HEADER: base64.b64encode(signature).decode()}


def certificate(house: House) -> bytes:
    """The certificate, as it is given to whoever wants to check. Raises NotFound."""
    path: Path = house.folder / processor(house).certificate_file
    try:
        return path.read_bytes()
    except OSError:
        raise errors.BadSettings(
            "The certificate for OpenDSR cannot be read", remedy="mend certificate_file in [opendsr]"
        ) from None


# ---- calling back -------------------------------------------------------------------------------------------------


def callbacks(processor: Processor, urls: Sequence[str]) -> tuple[str, ...]:
    """The addresses to call back, each once. Raises BadInput for one that this workspace does not call."""
    for url in urls:
        if not may_call(processor, url):
            raise opendsr.wrong("status_callback_urls", "https addresses of hosts that were agreed on")
    return tuple(dict.fromkeys(urls))


def may_call(processor: Processor, url: str) -> bool:
    """Whether statuses may be called back to an address; plain http only on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL)
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= opendsr.LONGEST
    return secure and plain and "@" not in parts.netloc and host in processor.callbacks


def call_back(house: House, _: TaskRow, payload: Mapping[str, Any]) -> int | None:
    """Tell one address how a request stands, if it changed. Raises NotNow, Undeliverable."""
    here, url = processor(house), str(payload["url"])
    if not may_call(here, url):
        raise errors.Undeliverable("callback_not_agreed")
    one = Held(
        id=str(payload["id"]),
        controller=str(payload["controller"]),
        row=requests.get(house, str(payload["ref"])),
    )
    now = word(one.row)
    told = {"id": one.id, "url": payload["number"], "status": now}
    lines = [line.detail for line in requests.happened(house, one.row) if line.what == TOLD]
    mine = [line for line in lines if (line["id"], line["url"]) == (told["id"], told["url"])]
    if not mine or mine[-1] != told:
        body = _encode(status(house, one) | {"status_callback_url": url})
        _post(url, signed(house, body), body)
        requests.log(house, [one.row.id], "amana", TOLD, **told)
    return None if now in ("completed", "cancelled") else LISTEN


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Another address was never agreed to."""


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def _post(url: str, headers: Mapping[str, str], body: bytes) -> None:
    head = {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, head, method="POST")  # noqa: S310  the address was checked against the list
    try:
        with _opener.open(request, timeout=PATIENCE):
            return
    except urllib.error.HTTPError as refused:
        refused.close()
        raise errors.NotNow(f"callback_{refused.code}") from None
    except (OSError, http.client.HTTPException):
        raise errors.NotNow("callback_unreachable") from None


# ---- which request it is ------------------------------------------------------------------------------------------


def _note(
    house: House, session: Session, caller: Caller, request_id: str, row: RequestRow, urls: tuple[str, ...]
) -> None:
    """Write down which request an id names, and who wants to hear of it, in one transaction."""
    detail = _detail(caller, request_id)
    if rows.of_outer(session.connection, detail) is not None:
        return
    rows.log(session.connection, [(row.id, session.now, f"api:{caller.name}", rows.OUTER, detail)])
    for number, url in enumerate(urls):
        payload = {
            "ref": row.ref,
            "id": request_id,
            "controller": caller.name,
            "url": url,
            "number": number,
        }
        tasks.add(house, session, TASK, f"opendsr/{caller.name}/{request_id}/{number}", 0, payload)


def _noted(house: House, caller: Caller, request_id: str) -> RequestRow | None:
    with house.database.read() as connection:
        return rows.of_outer(connection, _detail(caller, request_id))


def _detail(caller: Caller, request_id: str) -> str:
    return _encode({"controller": caller.name, "id": request_id}).decode()
