"""Renewing the law book: a signed file that is checked before it is taken, and then used by the workspace.

Rule. A signed law book is one canonical JSON text (RFC 8785): the packs by file name, and a signed note (C2SP) over the
book's version and the SHA-256 of the packs' own canonical form. It is accepted only under a key that the caller names. A
book is taken only if it is sound: no gap, no two rows for a cell, no word without a meaning, every cell resolvable; and
only if it is not older than the one in use. It stands in the workspace as one file, renamed into place, so that there is
no moment at which half a book is read; a server that is open uses it within a second or two (`services.renewing`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec

from amana import errors
from amana.core import packs
from amana.core.packs import LawBook
from amana.core.vocabulary import Channel, SubjectType
from amana.ledger import canonical, note
from amana.ledger.note import Signer, VerifierKey
from amana.services.law_book import law
from amana.services.record.house import House

FOLDER = "law"
FILE = "book.json"
_FIRST_LINE = "amana law book"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signed law book as its file holds it."""

    note: str
    packs: dict[str, str]


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A law book whose signature and soundness were checked."""

    text: str  # the file
    book: LawBook
    documents: dict[str, str]
    signed_by: str


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What taking a book would change."""

    version: str
    as_of: date
    signed_by: str
    in_use: str
    places: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]  # places in which some cell asks something else on the new book's own day


def key(text: str) -> VerifierKey:
    """The publisher's public key. Raises BadInput."""
    return note.parse_key(text.strip())


def signer(name: str, seed: str) -> Signer:
    """A publisher's signing key from 64 hexadecimal digits. Raises BadInput."""
    try:
        secret = bytes.fromhex(seed.strip())
    except ValueError:
        raise errors.BadInput("The signing key cannot be read", expected="64 hexadecimal digits") from None
    return note.signer(name, secret)


def packed(documents: Mapping[str, str], by: Signer) -> str:
    """A signed law book of these packs. Raises BadLaw if they are not fit for use."""
    book = _fit(documents)
    text = f"{_FIRST_LINE}\n{book.version}\n{book.as_of}\n{_digest(documents)}\n"
    return canonical.encode({"note": note.sign(text, by), "packs": dict(documents)}).decode()


def verify(text: str, trusted: VerifierKey) -> Offered:
    """A signed law book, checked whole. Raises VerificationFailed for its bytes, BadLaw for what it says."""
    signed = _signed(text)
    verified = note.verify(signed.note, [trusted])
    lines = verified.text.splitlines()
    if lines[:1] != [_FIRST_LINE] or len(lines) != 4 or lines[3] != _digest(signed.packs):
        raise errors.VerificationFailed(
            "The signature is not over these packs", expected="the SHA-256 of the packs in the signed note"
        )
    book = _fit(signed.packs)
    if lines[1:3] != [book.version, str(book.as_of)]:
        raise errors.VerificationFailed("The signed version is not the book's own")
    return Offered(text=text, book=book, documents=signed.packs, signed_by=verified.seen[0][0].name)


def compared(held: LawBook, offered: Offered) -> Compared:
    """What differs between the book in use and the one offered, on the offered book's own day."""
    new = offered.book
    both = sorted(set(held.codes()) & set(new.codes()))
    return Compared(
        version=new.version,
        as_of=new.as_of,
        signed_by=offered.signed_by,
        in_use=held.version,
        places=new.codes(),
        added=tuple(sorted(set(new.codes()) - set(held.codes()))),
        removed=tuple(sorted(set(held.codes()) - set(new.codes()))),
        changed=tuple(code for code in both if _said(held, code, new.as_of) != _said(new, code, new.as_of)),
    )


def take(house: House, offered: Offered) -> Path:
    """Put a checked book in use; where it stands. Raises Conflict for one older than the book in use."""
    if offered.book.as_of < house.book.as_of:
        raise errors.Conflict(
            "The law book in use is newer than this one",
            expected=f"as of {house.book.as_of} or later",
            got=str(offered.book.as_of),
            remedy="take a newer one",
        )
    folder = house.folder / FOLDER
    folder.mkdir(exist_ok=True)
    path, fresh = folder / FILE, folder / f".{FILE}"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(offered.text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path


def taken(folder: Path) -> dict[str, str] | None:
    """The packs that a workspace took, None if it took none. Raises VerificationFailed if they were changed since."""
    path = folder / FOLDER / FILE
    if not path.is_file():
        return None
    signed = _signed(path.read_text("utf-8"))
    if _digest(signed.packs) not in note.parse(signed.note).text.splitlines():
        raise errors.VerificationFailed(
            "The law book in the workspace was changed after it was taken",
            remedy="take it again with `amana law take`",
        )
    return signed.packs


def contents(text: str) -> dict[str, str]:
    """The packs of a signed law book, read to look at: nobody's signature is checked. Raises VerificationFailed."""
    return _signed(text).packs


def _signed(text: str) -> Signed:
    try:
        return msgspec.convert(canonical.decode(text.encode()), Signed)
    except msgspec.ValidationError:
        raise errors.VerificationFailed(
            "This is not a signed law book", expected="a file made by `amana law pack`"
        ) from None


def _digest(documents: Mapping[str, str]) -> str:
    return sha256(canonical.encode(dict(documents))).hexdigest()


def _fit(documents: Mapping[str, str]) -> LawBook:
    """The book, if it may be used: sound, and every cell of every place can be resolved."""
    book = packs.read(documents)
    problems = law.unfit(law.check(book))
    if problems:
        raise errors.BadLaw(
            "The law book is not fit for use",
            expected="no gap, no conflict and no word without a meaning",
            got=f"{len(problems)}, the first: {problems[0].kind} at {problems[0].where}",
            remedy="mend the packs; `amana law check` lists everything",
        )
    for code in book.codes():
        _said(book, code, book.as_of)
    return book


def _said(book: LawBook, code: str, on: date) -> list[object]:
    return [
        msgspec.structs.replace(law.show(book, code, channel, subject, on), version="", notice="")
        for channel in Channel
        for subject in SubjectType
    ]
