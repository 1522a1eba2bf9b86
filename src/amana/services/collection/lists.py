"""Bought lists: reading what the seller handed over, and letting a held list go once its papers are in order.

Rule. The papers are a small TOML file beside the documents themselves; each document is looked at by its bytes, and a
SHA-256 that the file states must be theirs. Nothing of a document is stored but its name and hash. A list is released
only by papers that do not fail: everybody whom it holds is then vouched for by an event of their own, so that history
and a question about an earlier position stay true. Releasing grants nothing: statements that came without proof stay
unknown. To record consents that the papers now prove, import the file again with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec

from amana import errors
from amana.core import events, lists
from amana.core.lists import Document, Papers
from amana.core.statements import Interval
from amana.core.vocabulary import Actor
from amana.ledger import canonical
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import log, sources
from amana.storage.sources import Source

FILE = "papers.toml"
BATCH = 1_000


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """A list that is held no longer."""

    source: int
    people: int  # who were held by it and may now be contacted as far as law and their own word allow
    missing: tuple[str, ...]  # documents that a careful buyer would still ask for
    notice_due: int | None


class ListShown(msgspec.Struct, frozen=True, kw_only=True):
    """A bought list as it stands."""

    source: int
    name: str
    seller: str
    held: bool
    fails: tuple[str, ...]
    missing: tuple[str, ...]
    notice_due: int | None
    state: str


def papers_at(path: Path) -> Papers:
    """The papers in a folder or a TOML file, their documents hashed. Raises NotFound, BadInput."""
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise errors.NotFound(
            "The papers of the list are not there",
            expected=f"a TOML file, or a folder with {FILE}",
            remedy="check the path; docs/law.md shows what the file says",
        )
    try:
        papers = lists.read(file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise errors.BadInput(
            "The papers of the list are not UTF-8 text", remedy="save them as UTF-8"
        ) from None
    hashed = {name: _hashed(name, one, file.parent) for name, one in papers.documents.items()}
    return msgspec.structs.replace(papers, documents=hashed)


def evidence(papers: Papers) -> str:
    """What an import that rests on these papers names as its evidence."""
    named = [f"{one.file} (SHA-256 {one.sha256})" for one in papers.documents.values()]
    return f"papers of {papers.seller}: {', '.join(named)}"


def release(house: House, number: int, papers: Papers) -> Released:
    """Let a held list go. Raises NotFound, BadInput for papers that fail, Conflict if it is not held."""
    with house.database.read() as connection:
        source = sources.get(connection, number)
        people = log.people_of_source(connection, number)
    if source is None:
        raise errors.NotFound(f"There is no import {number}", remedy="see `amana imports` for the imports")
    if not source.held or source.state != "done":
        raise errors.Conflict(
            f"Import {number} is not a finished list that is held",
            remedy="see `amana list show` for those that are",
        )
    fails = lists.fails(papers)
    if fails:
        raise errors.BadInput(
            "These papers do not release the list",
            expected="papers that state and show all five points of docs/law.md",
            got=", ".join(fails),
            remedy="get what is missing from the seller, or undo the import",
        )
    freed = 0
    for start in range(0, len(people), BATCH):
        vouch = partial(_vouch, house, people[start : start + BATCH], source)
        freed += house.writing().write(vouch)
    told = canonical.encode({"fails": [], "papers": msgspec.to_builtins(papers)}).decode()
    freely = msgspec.structs.replace(source, held=False, papers=told)
    house.writing().write(lambda session: sources.put(session.connection, freely))
    return Released(source=number, people=freed, missing=lists.missing(papers), notice_due=source.notice_due)


def shown(house: House) -> tuple[ListShown, ...]:
    """All bought lists, oldest first."""
    with house.database.read() as connection:
        found = sources.all_sources(connection)
    return tuple(_shown(one) for one in found if one.papers)


def _shown(one: Source) -> ListShown:
    told: Mapping[str, object] = msgspec.json.decode(one.papers)
    papers = msgspec.convert(told["papers"], Papers | None)
    return ListShown(
        source=one.id,
        name=one.name,
        seller=papers.seller if papers is not None else "",
        held=one.held,
        fails=msgspec.convert(told["fails"], tuple[str, ...]),
        missing=lists.missing(papers),
        notice_due=one.notice_due,
        state=one.state,
    )


def _vouch(house: House, people: list[int], source: Source, session: Session) -> int:
    session.load(people)
    freed = 0
    for number in people:
        person = session.people.get(number)  # somebody erased meanwhile is not there
        if person is None or source.id not in person.state.held or source.id in person.state.vouched:
            continue
        session.record(
            person,
            events.Held(
                id=house.random(16).hex(),
                occurred=Interval(lo=session.now, hi=session.now),
                actor=Actor.STAFF,
                source=source.id,
                on=False,
                reason="list_papers",
            ),
        )
        freed += 1
    return freed


def _hashed(name: str, one: Document, folder: Path) -> Document:
    path = folder / one.file
    if not path.is_file():
        raise errors.BadInput(
            f"The document {name!r} of the list is not there",
            expected="a file beside the papers",
            remedy="put it there, or leave it out",
        )
    digest = sha256(path.read_bytes()).hexdigest()
    if one.sha256 and one.sha256 != digest:
        raise errors.BadInput(
            f"The document {name!r} of the list is not the one that the papers state",
            expected=one.sha256,
            got=digest,
            remedy="find the right file, or mend the hash",
        )
    return Document(file=one.file, sha256=digest)
