"""Zip archives, read in place and never unpacked to disk.

Rule: an archive from outside is hostile until shown otherwise. Before a byte is inflated, its directory is
checked: bounded number of members, bounded total size, bounded ratio of inflated to stored bytes, no
encryption, no links, no absolute or climbing path, no name twice. Inflation itself stops at the size that was
declared, so a directory that lies is cut short and fails its checksum. Members that are no tables are an
error, because an opt-out might be in what was skipped; only the litter of desktop systems is passed over.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from amana import errors

if TYPE_CHECKING:
    from typing_extensions import Buffer

MOST_MEMBERS = 1_000
MOST_BYTES = 64 << 30
MOST_WORKBOOK_BYTES = 4 << 30
HIGHEST_RATIO = 250
RATIO_MATTERS_FROM = 8 << 20
TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
_LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def check(path: Path, *, most_bytes: int = MOST_BYTES) -> list[zipfile.ZipInfo]:
    """The archive's members that are files, in the archive's order.

    Raises:
        BadInput: the file is no zip archive, or breaks one of the bounds above.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise errors.BadInput(
            "The archive cannot be read", expected="a zip archive", remedy="export the file again"
        ) from None
    if len(members) > MOST_MEMBERS:
        raise errors.BadInput(
            "The archive has too many members", expected=f"at most {MOST_MEMBERS}", got=str(len(members))
        )
    if len({member.filename for member in members}) < len(members):
        raise errors.BadInput("The archive holds two members of the same name", remedy="export it again")
    _check_size(sum(member.file_size for member in members), most_bytes)
    for place, member in enumerate(members, start=1):
        _check_member(member, place)
    return members


def tables(path: Path) -> list[str]:
    """The names of the archive's delimited files, in the archive's order."""
    found = []
    for member in check(path):
        if member.filename.startswith(_LITTER[0]) or member.filename.endswith(_LITTER[1:]):
            continue
        if not member.filename.lower().endswith(TEXT_SUFFIXES):
            raise errors.BadInput(
                "The archive holds a member that is not a delimited table",
                expected=f"names ending in {', '.join(TEXT_SUFFIXES)}",
                got=f"a name ending in “{PurePosixPath(member.filename).suffix}”",
                remedy="import that file by itself, or make an archive without it",
            )
        found.append(member.filename)
    if not found:
        raise errors.BadInput("The archive holds no table", expected=f"a member {', '.join(TEXT_SUFFIXES)}")
    return found


class _Member(io.RawIOBase):
    """One member as a raw stream that closes its archive with itself and names damage as bad input."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__()
        self._archive = zipfile.ZipFile(path)
        self._stream = self._archive.open(name)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Inflate into `buffer`; zero at the end."""
        room = memoryview(buffer)
        try:
            inflated = self._stream.read(len(room))
        except (zipfile.BadZipFile, EOFError, zlib.error):
            raise errors.BadInput(
                "The archive is damaged",
                expected="inflated bytes that match their checksum",
                remedy="export it again",
            ) from None
        room[: len(inflated)] = inflated
        return len(inflated)

    def close(self) -> None:
        """Close the member and its archive."""
        self._stream.close()
        self._archive.close()
        super().close()


def member(path: Path, name: str) -> IO[bytes]:
    """A buffered stream of one member's inflated bytes; the caller closes it."""
    return io.BufferedReader(_Member(path, name), 1 << 18)


def _check_size(total: int, most: int) -> None:
    if total > most:
        raise errors.BadInput(
            "The archive inflates to too much",
            expected=f"at most {most >> 30} GiB",
            got=f"{total >> 30} GiB",
            remedy="import its members one by one",
        )


def _check_member(info: zipfile.ZipInfo, place: int) -> None:
    """Refuse what no export makes: a climbing path, a link, a password, an absurd ratio."""
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename:
        raise errors.BadInput(f"The path of the archive's member {place} leads outside the archive")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise errors.BadInput(f"The archive's member {place} is a link", expected="a file")
    if info.flag_bits & 1:
        raise errors.BadInput(
            f"The archive's member {place} is encrypted",
            remedy="unpack it with its password and import the table",
        )
    if info.file_size > RATIO_MATTERS_FROM and info.file_size > HIGHEST_RATIO * max(info.compress_size, 1):
        raise errors.BadInput(
            f"The archive's member {place} inflates beyond belief",
            expected=f"at most {HIGHEST_RATIO} bytes for each stored byte",
            remedy="if the file is genuine, unpack it and import the table",
        )
