"""What a person's copy is made of: what we hold, what connected systems hold, and what is to be told about it.

Rule.
- Ours is everything: addresses, registered fields, the whole history with its log positions, and, of an access, who
  looked (CJEU C-579/21: colleagues by what they are, not by name). Theirs is what a run found, row by row.
- What is told (GDPR art. 15(1), (2)) comes from the workspace, the data map and the record, never from a text that
  somebody keeps up by hand: a purpose with the wording that people saw, a recipient with its country and safeguard,
  the files with the person's address that left, the source of each permission, the authority of the countries whose
  law applies.
- Labels are in the person's language, where the workspace has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from amana.core import events, facts, portable
from amana.core import person_copy as copied
from amana.core import state as states
from amana.core.cells import Terms
from amana.core.data_map import DataMap, Row, System
from amana.core.person_copy import About, Held, Package, Part, Purpose, Recipient, Standing
from amana.core.rights import Kind
from amana.core.state import PersonState
from amana.core.statements import ANY
from amana.core.vocabulary import Actor, Manner, PointKind
from amana.core.workspace import Workspace
from amana.ledger import sealing
from amana.services.choices import own_data
from amana.services.choices.own_data import Mine
from amana.services.record import history
from amana.services.record.history import Opened
from amana.services.record.house import House
from amana.services.record.writing import point_context
from amana.services.rights import copy_words
from amana.services.rights.copy_words import Words
from amana.services.systems import data_map
from amana.storage import people, points, register, sources
from amana.storage.requests import RequestRow

Found = Mapping[str, Sequence[Row]]
"""What a run found for a request: `system/dataset:collection`, or a system alone -> rows."""


def package(house: House, row: RequestRow, found: Found) -> Package:
    """The whole copy of a request. The look is recorded as the person's own. Raises KeyMissing, NotFound, BadInput."""
    words = copy_words.of(row.language)
    the_map = data_map.load(house.folder)
    mine = own_data.show(house, row.person)
    happened = history.of_person(house, row.person)
    with house.database.read() as connection:
        state = people.get(connection, [row.person])[row.person].state
        terms = register.terms(connection)
        names = {one.id: one.name for one in sources.all_sources(connection)}
    theirs = _theirs(the_map, found)
    about = _about(house, row, words, mine, happened, names)
    about = msgspec.structs.replace(
        about,
        standing=_standing(house.workspace, words, state, terms, happened, names),
        recipients=tuple([*_recipients(house, row, words), *_systems(the_map, words, theirs)]),
    )
    by_means = {
        one.means: mine.fields[name] for name, one in house.workspace.fields.items() if mine.fields[name]
    }
    return Package(
        ref=row.ref,
        kind=row.kind,
        made=house.clock(),
        language=words.language,
        parts=(*_ours(house, row, mine, happened), *theirs),
        about=about,
        person=copied.person(mine.points, by_means),
        portable=_portable(house, row, mine, state, happened, terms, names),
    )


# ---- the rows -----------------------------------------------------------------------------------------------------


def _ours(house: House, row: RequestRow, mine: Mine, happened: Sequence[Opened]) -> list[Part]:
    fields = house.workspace.fields
    held = tuple(
        {"field": name, "value": value, "why": fields[name].why, "kept_for": fields[name].kept_for}
        for name, value in mine.fields.items()
        if value
    )
    parts = [
        Part(
            name="amana-addresses",
            system="",
            collection="addresses",
            rows=tuple({"kind": kind, "address": value} for kind, value in mine.points),
            categories={"address": ("user.contact",)},
        ),
        Part(
            name="amana-fields",
            system="",
            collection="fields",
            rows=held,
            categories={"value": tuple(dict.fromkeys(fields[str(one["field"])].category for one in held))},
        ),
        Part(
            name="amana-history",
            system="",
            collection="history",
            rows=tuple({"position": one.position, **msgspec.to_builtins(one.event)} for one in happened),
        ),
    ]
    if row.kind == Kind.ACCESS.value:
        parts.append(Part(name="amana-looks", system="", collection="looks", rows=_looks(house, row.person)))
    return parts


def _looks(house: House, person: int) -> tuple[dict[str, Any], ...]:
    """Who looked, by what they are: the person, a system by its name, or our own people."""
    with house.database.read() as connection:
        rows = register.looks(connection, person)
    return tuple(
        {
            "at": copied.moment(at),
            "who": _looker(actor),
            "system": actor.removeprefix(own_data.SYSTEM) if actor.startswith(own_data.SYSTEM) else "",
            "what_for": purpose,
            "fields": seen,
        }
        for at, actor, purpose, _, seen in rows
    )


def _looker(actor: str) -> str:
    if actor == own_data.THEMSELVES:
        return "person"
    return "system" if actor.startswith(own_data.SYSTEM) else "staff"


def _theirs(the_map: DataMap, found: Found) -> list[Part]:
    categories = {
        str(collection.place): {field.path: field.categories for field in collection.fields}
        for dataset in the_map.datasets
        for collection in dataset.collections
    }
    labels = {one.name: one.label or one.name for one in the_map.systems}
    parts = []
    for place in sorted(found):
        system, _, node = place.partition("/")
        parts.append(
            Part(
                name=f"{system}-{node.replace(':', '-')}".strip("-"),
                system=system,
                collection=node,
                rows=tuple(found[place]),
                categories=categories.get(node, {}),
                label=labels.get(system, system),
            )
        )
    return parts


# ---- what is told about them --------------------------------------------------------------------------------------


def _about(
    house: House,
    row: RequestRow,
    words: Words,
    mine: Mine,
    happened: Sequence[Opened],
    names: Mapping[int, str],
) -> About:
    workspace = house.workspace
    organisation = workspace.organisation
    used = frozenset({Manner.PROFILE, Manner.PERSONALISE})
    return About(
        organisation=organisation.name,
        address=organisation.address,
        contact=organisation.contact,
        country=organisation.country,
        purposes=tuple(_purpose(workspace, words, name) for name in workspace.purposes),
        held=tuple(
            Held(
                label=words.field_label(name, workspace.fields[name]),
                value=value,
                why=workspace.fields[name].why,
                kept_for=workspace.fields[name].kept_for,
            )
            for name, value in mine.fields.items()
            if value
        ),
        history=tuple(_line(words, workspace, one, names) for one in happened[::-1]),
        sources=tuple(
            dict.fromkeys(names[one.event.source] for one in happened if one.event.source in names)
        ),
        profiled=tuple(
            words.field_label(name, one)
            for name, one in workspace.fields.items()
            if used.intersection(one.uses)
        ),
        authorities=_authorities(house, row),
    )


def _purpose(workspace: Workspace, words: Words, name: str) -> Purpose:
    one = workspace.purposes[name]
    notice = workspace.notices[one.notice]
    return Purpose(
        label=words.purpose(workspace, name),
        channels=tuple(channel.value for channel in one.channels),
        kept_for=notice.kept_for,
        wording=words.given(notice.text, ""),
    )


def _line(words: Words, workspace: Workspace, one: Opened, names: Mapping[int, str]) -> copied.Event:
    event = one.event
    purpose = channel = ""
    if isinstance(event, events.Permission):
        what = event.status.value
        purpose, channel = words.purpose(workspace, event.purpose), event.channel
    elif isinstance(event, events.Point):
        what = f"point_{event.change}"
    elif isinstance(event, events.Restriction):
        what = "restricted" if event.on else "unrestricted"
    else:
        what = type(event).__name__.lower()
    source = names.get(event.source, "") if event.actor is not Actor.SYSTEM else ""
    return copied.Event(
        at=event.recorded, position=one.position, what=what, purpose=purpose, channel=channel, source=source
    )


def _standing(
    workspace: Workspace,
    words: Words,
    state: PersonState,
    terms: Terms,
    happened: Sequence[Opened],
    names: Mapping[int, str],
) -> tuple[Standing, ...]:
    """How every cell stands that somebody said something about, and what it rests on."""
    by_id = {one.event.id: one.event for one in happened}
    found = []
    for cell in sorted(state.cells):
        brand, purpose, channel = terms.words(cell)
        grant = facts.counting_grant(state, cell)
        refusals = facts.binding_refusals(state, cell)
        claim = refusals[0] if refusals else grant
        status = "given" if claim is grant and claim is not None else _class_of(claim)
        if claim is None and facts.is_pending(state, cell):
            claim, status = max(state.cells[cell], key=lambda one: one.lo), "requested"
        if claim is None:
            continue
        event = by_id.get(claim.event.hex())
        found.append(
            Standing(
                brand="" if brand == ANY else workspace.brands[brand].name,
                purpose=words.purpose(workspace, purpose),
                channel=channel,
                status=status,
                since=claim.lo if status == "given" else claim.hi,
                source=names.get(claim.source, ""),
                notice=event.notice if isinstance(event, events.Permission) else "",
            )
        )
    return tuple(found)


def _class_of(claim: states.Claim | None) -> str:
    kinds = {code: status.value for status, code in states.CLASS_OF_STATUS.items()}
    return "" if claim is None else kinds[claim.kind]


def _recipients(house: House, row: RequestRow, words: Words) -> list[Recipient]:
    """Those the workspace names, and the files that left with this person in them."""
    named = [
        Recipient(
            name=words.given(one.label, one.name),
            country=one.country,
            role=one.role.value,
            purposes=tuple(words.purpose(house.workspace, purpose) for purpose in one.purposes),
            safeguard=one.safeguard.value if one.safeguard else "",
        )
        for one in house.workspace.recipients.values()
    ]
    handed = [
        Recipient(name=one.recipient, handed=one.at, until=one.expires)
        for one in own_data.shared(house, row.person)
    ]
    return named + handed


def _systems(the_map: DataMap, words: Words, parts: Sequence[Part]) -> list[Recipient]:
    """Connected systems, each with how many entries about the person were found there."""

    def rows(system: System) -> int:
        return sum(len(part.rows) for part in parts if part.system == system.name)

    return [
        Recipient(
            name=one.label or one.vendor or one.name,
            country=one.country,
            role=one.role,
            purposes=tuple(name.replace("_", " ") for name in one.purposes),
            rows=rows(one),
        )
        for one in the_map.systems
    ]


def _authorities(house: House, row: RequestRow) -> tuple[tuple[str, str], ...]:
    """Who supervises, in the countries whose law applies to the person and in ours (art. 15(1)(f), 77)."""
    countries = [*row.countries.split(), house.workspace.organisation.country]
    return tuple(
        (country, house.book.chain(country)[0].regulator)
        for country in dict.fromkeys(countries)
        if house.book.knows(country)
    )


# ---- what can be taken elsewhere ----------------------------------------------------------------------------------


def _portable(
    house: House,
    row: RequestRow,
    mine: Mine,
    state: PersonState,
    happened: Sequence[Opened],
    terms: Terms,
    names: Mapping[int, str],
) -> dict[str, str]:
    if row.kind != Kind.PORTABILITY.value:
        return {}
    with house.database.read() as connection:
        held = points.of_people(connection, [row.person]).get(row.person, [])
    key = house.keys.keys([row.person])[row.person]
    addresses = {
        one.ordinal: (
            PointKind(one.kind),
            sealing.unwrap(key, one.sealed, point_context(row.person, one.ordinal)).decode(),
        )
        for one in held
    }
    holder = portable.Holder(
        id=f"p{row.person}",
        points=addresses,
        fields={name: value for name, value in mine.fields.items() if value},
    )
    brands = [row.brand] if row.brand else list(house.workspace.brands)
    return portable.written(holder, state, [one.event for one in happened], terms, brands, names)
