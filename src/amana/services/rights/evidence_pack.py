"""The evidence of a request, for an authority: what was asked, what was done, when, by whom, on what ground.

Rule.
- A pack is made from what stands in the record: the request, its log, the steps of its run, the signed log of events.
  Nothing is told from memory, and nothing in it is a value of the person: no address, no name, no number of theirs. The
  reference is what it goes by; reasons are the words of whoever decided.
- Entries of the signed log that the request caused (a restriction, a refusal, a correction, an erasure's leaf) come with
  their receipts and the log's key, so that anybody checks them without us. An entry that holds values is counted, and
  its receipt is added only where somebody says what for; that look is recorded.
- After an erasure it still works: the person's own entries are gone, and the leaf that lists them proves it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup

from amana.core import events, person_copy
from amana.core.rights import NEEDED, USUAL_CITATION, Identity, Kind
from amana.ledger import receipt as proofs
from amana.services.record import history, publication, receipts
from amana.services.record.house import House
from amana.services.rights import copies, copy_page, evidence_words, printing
from amana.services.rights import requests as asked
from amana.services.rights.evidence_words import Speaker
from amana.services.rights.requests import Happened
from amana.services.rights.rights_plan import Action
from amana.services.systems import data_map
from amana.storage import erasures, requests
from amana.storage.requests import RequestRow

PAGE, PRINTED, DATA, KEY = "evidence.html", "evidence.pdf", "evidence.json", "log.key"
DECIDED = ("decided", "extended", "again", "cancelled", "lifted")
FOLDER = "receipts"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the signed log that the request caused."""

    entry: int  # its position
    what: str
    file: str = ""  # of its receipt; "" where that holds values of the person


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one step. Times are UTC seconds; 0 for not done."""

    step: int
    action: str
    system: str
    collection: str
    state: str
    found: int
    changed: int
    trouble: str
    finished: int


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in a pack. Times are UTC seconds."""

    ref: str
    made: int
    organisation: str
    kind: str
    via: str
    asker: str
    brand: str
    countries: tuple[str, ...]
    received: int
    due: int
    due_law: str
    extended: int
    ended: int  # 0 while it is open
    status: str
    outcome: str
    identity: tuple[dict[str, Any], ...]  # level, when, by whom; no papers are kept
    needed: str
    steps: tuple[Result, ...]
    kept: tuple[dict[str, Any], ...]
    rounds: tuple[dict[str, Any], ...]
    decisions: tuple[dict[str, Any], ...]
    told: tuple[dict[str, Any], ...]
    log: tuple[dict[str, Any], ...]
    entries: tuple[Entry, ...]
    map_digest: str
    law_version: str
    log_origin: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A pack as files."""

    pack: Pack
    files: dict[str, bytes]


def make(house: House, row: RequestRow, *, actor: str, language: str = "en", values_for: str = "") -> Made:
    """The pack of a request, in a language, without the PDF.

    `values_for` says what receipts with values of the person are needed for; each such look is recorded. Raises
    LedgerBroken, VerificationFailed.
    """
    happened = asked.happened(house, row)
    entries, proofs_of = _entries(house, row, happened, actor, values_for)
    pack = _pack(house, row, happened, entries)
    labels = {one.name: one.label for one in data_map.load(house.folder).systems}
    spoken = evidence_words.of(language).calling(labels)
    files = {
        PAGE: copy_page.render("pack.html", spoken.words, _values(pack, spoken)).encode(),
        DATA: person_copy.shown(pack),
        KEY: publication.log_key(house).text().encode() + b"\n",
        **proofs_of,
    }
    return Made(pack=pack, files=files)


def pdf(made: Made) -> bytes:
    """The page of a pack as a PDF. Raises as `printing.pdf`."""
    return printing.pdf(made.files[PAGE].decode())


def zipped(made: Made, *, printed: bytes = b"") -> bytes:
    """The pack as one archive; a PDF that is given goes with it."""
    return copies.archive(made.files | ({PRINTED: printed} if printed else {}))


# ---- what happened ------------------------------------------------------------------------------------------------


def _pack(house: House, row: RequestRow, happened: list[Happened], entries: tuple[Entry, ...]) -> Pack:
    with house.database.read() as connection:
        run = requests.run(connection, row.run) if row.run is not None else None
        steps = requests.steps(connection, row.run) if row.run is not None else []
    return Pack(
        ref=row.ref,
        made=house.clock(),
        organisation=house.workspace.organisation.name,
        kind=row.kind,
        via=row.via,
        asker=row.asker,
        brand=row.brand,
        countries=tuple(row.countries.split()),
        received=row.received,
        due=row.due,
        due_law=row.due_law,
        extended=row.extended or 0,
        ended=row.ended or 0,
        status=row.status,
        outcome=row.outcome,
        identity=_identity(row, happened),
        needed=NEEDED[Kind(row.kind)].name.lower(),
        steps=tuple(
            Result(
                step=one.ordinal + 1,
                action=one.action,
                system=one.system or "amana",
                collection=one.node,
                state=one.state,
                found=one.found,
                changed=one.changed,
                trouble=one.trouble,
                finished=one.finished or 0,
            )
            for one in steps
        ),
        kept=tuple(
            {"system": one.detail["system"], "collection": one.detail["node"], **kept}
            for one in happened
            if one.what == "kept"
            for kept in one.detail["kept"]
        ),
        rounds=tuple(_line(one) for one in happened if one.what == "still_there"),
        decisions=tuple(_line(one) for one in happened if one.what in DECIDED),
        told=tuple(_line(one) for one in happened if one.what in ("telling", "told", "not_told")),
        log=tuple(_line(one) for one in happened),
        entries=entries,
        map_digest=run.map if run is not None else "",
        law_version=house.book.version,
        log_origin=house.origin,
    )


def _line(one: Happened) -> dict[str, Any]:
    return {"at": one.at, "actor": one.actor, "what": one.what, **one.detail}


def _identity(row: RequestRow, happened: list[Happened]) -> tuple[dict[str, Any], ...]:
    """Each proof with its level, when it was given and to whom; the level now, where it came with the request."""
    proved = [
        {"level": one.detail["level"], "at": one.at, "by": one.actor}
        for one in happened
        if one.what == "proved"
    ]
    if proved:
        return tuple(proved)
    opened = next((one for one in happened if one.what == "opened"), None)
    first = {
        "level": Identity(row.proved).name.lower(),
        "at": row.received,
        "by": opened.actor if opened else "",
    }
    return (first,)


# ---- entries of the signed log ------------------------------------------------------------------------------------


def _entries(
    house: House, row: RequestRow, happened: list[Happened], actor: str, values_for: str
) -> tuple[tuple[Entry, ...], dict[str, bytes]]:
    found: list[Entry] = []
    files: dict[str, bytes] = {}
    for position, (what, has_values) in sorted(_caused(house, row, happened).items()):
        name = f"{FOLDER}/entry-{position}{proofs.SUFFIX}"
        if not has_values:
            files[name] = receipts.of(house, position).encode()
        elif values_for:
            files[name] = receipts.revealed(house, position, actor=actor, purpose=values_for).encode()
        found.append(Entry(entry=position, what=what, file=name if name in files else ""))
    return tuple(found), files


def _caused(house: House, row: RequestRow, happened: list[Happened]) -> dict[int, tuple[str, bool]]:
    """The entries that a request caused and that can still be opened, each with what it is and whether it holds values.

    They are the person's own, and the leaf of their erasure.
    """
    noted = {entry for one in happened if one.what == "took_effect" for entry in one.detail["entries"]}
    found: dict[int, tuple[str, bool]] = {}
    if row.person in house.keys.known_keys([row.person]):
        for one in history.of_person(house, row.person):
            event = one.event
            if one.position in noted or (isinstance(event, events.Restriction) and event.evidence == row.ref):
                word = (
                    event.status.value
                    if isinstance(event, events.Permission)
                    else type(event).__name__.lower()
                )
                found[one.position] = (word, isinstance(event, receipts.IDENTIFYING))
    last = next((one.detail["last"] for one in happened if one.what == "erasing"), None)
    if last is not None:
        with house.database.read() as connection:
            leaf = erasures.leaf_of(connection, last)
        if leaf is not None:
            found[leaf] = ("erasure", False)
    return found


# ---- the page -----------------------------------------------------------------------------------------------------


def _values(pack: Pack, spoken: Speaker) -> dict[str, Any]:
    words = spoken.words
    late = bool(pack.ended and pack.ended > pack.due)
    return {
        "pack": pack,
        "request": _request(pack, spoken),
        "late": words("pack_late" if late else "pack_in_time") if pack.ended else "",
        "is_late": late,
        "identity": [
            (spoken.named("level", one["level"]), words.moment(one["at"]), spoken.who(one["by"]))
            for one in pack.identity
        ],
        "steps": [_step(one, spoken) for one in pack.steps],
        "kept": [_kept(one, spoken) for one in pack.kept],
        "rounds": [spoken.happened(one) for one in pack.rounds],
        "looked_again": _looked_again(pack),
        "decisions": [_line_told(one, spoken) for one in pack.decisions],
        "told": [_line_told(one, spoken) for one in pack.told],
        "log": [_line_told(one, spoken) for one in pack.log],
        "entries": [(one.entry, spoken.entry(one.what), one.file) for one in pack.entries],
        "private": _private(pack, spoken),
        "versions": [(words("pack_map"), pack.map_digest), (words("pack_rules"), pack.law_version)],
    }


def _line_told(one: dict[str, Any], spoken: Speaker) -> tuple[str, str, Markup]:
    """When, by whom, and what happened as a sentence."""
    return spoken.words.moment(one["at"]), spoken.who(one["actor"]), spoken.happened(one)


def _private(pack: Pack, spoken: Speaker) -> str:
    number = sum(not one.file for one in pack.entries)
    return spoken.counted("private", number) if number else ""


def _step(one: Result, spoken: Speaker) -> dict[str, Any]:
    """A step as the page shows it."""
    return {
        "what": f"{one.step}. {spoken.named('action', one.action)}",
        "place": spoken.place(one.system, one.collection),
        "finished": spoken.words.moment(one.finished) if one.finished else "",
        "found": one.found,
        "changed": one.changed,
        "trouble": spoken.why(one.trouble),
    }


def _request(pack: Pack, spoken: Speaker) -> list[tuple[str, str]]:
    words = spoken.words
    return [
        (words("pack_right"), words.catalogue.right[pack.kind]),
        (words("brand"), pack.brand or words("everything")),
        (words("pack_via"), spoken.named("via", pack.via)),
        (words("pack_asker"), spoken.named("asker", pack.asker)),
        (words("pack_received"), words.moment(pack.received)),
        (words("pack_due"), words.moment(pack.due)),
        (words("pack_law"), words("pack_law_usual") if pack.due_law == USUAL_CITATION else pack.due_law),
        (words("pack_extended"), words.moment(pack.extended) if pack.extended else words("no")),
        (words("pack_ended"), words.moment(pack.ended) if pack.ended else words("pack_open")),
        (words("pack_outcome"), spoken.named("outcome", pack.outcome or pack.status)),
    ]


def _kept(one: dict[str, Any], spoken: Speaker) -> tuple[Any, ...]:
    place = spoken.place(str(one["system"]), str(one["collection"]))
    ground = spoken.words.ground(str(one["ground"]))
    return place, one["path"], ground, one.get("citation", ""), one.get("until", ""), one.get("rows", "")


def _looked_again(pack: Pack) -> bool:
    looks = [one for one in pack.steps if one.action == Action.VERIFY.value]
    return bool(looks) and all(one.finished for one in looks)
