"""Archives from outside are held within bounds before a byte is inflated."""

from __future__ import annotations

import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from amana import errors
from amana.connectors.rows import Row
from amana.connectors.tables import Source

Write = Callable[..., Path]
TABLE = "id,name\n1,a\n2,b\n"


def test_members_are_parts_in_the_archive_s_order(write_zip: Write) -> None:
    source = Source(
        write_zip({"b.csv": TABLE, "deep/a.csv": TABLE, "__MACOSX/._b.csv": "x", ".DS_Store": "x"})
    )
    assert source.parts() == ("b.csv", "deep/a.csv")
    assert [row.cells for row in source.rows("deep/a.csv", 3) if isinstance(row, Row)] == [["2", "b"]]
    assert source.estimated_rows == pytest.approx(4, abs=2)


def test_a_member_that_is_no_table_is_not_passed_over(write_zip: Write) -> None:
    with pytest.raises(errors.BadInput, match=r"\.pdf"):
        Source(write_zip({"a.csv": TABLE, "unsubscribed.pdf": "x"}))


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "x/../../a.csv", "c:/a.csv"])
def test_a_path_that_leads_outside_is_refused(write_zip: Write, name: str) -> None:
    with pytest.raises(errors.BadInput, match="outside"):
        Source(write_zip({name: TABLE}))


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("a.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(errors.BadInput, match="link"):
        Source(path)


def test_a_bomb_is_refused(write_zip: Write) -> None:
    with pytest.raises(errors.BadInput, match="beyond belief"):
        Source(write_zip({"a.csv": "0" * (20 << 20)}))


def test_too_many_members_are_refused(write_zip: Write) -> None:
    with pytest.raises(errors.BadInput, match="too many"):
        Source(write_zip({f"{number}.csv": "" for number in range(1_001)}))


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a.csv", TABLE)
        archive.writestr("a.csv", TABLE)
    with pytest.raises(errors.BadInput, match="same name"):
        Source(path)


def test_an_encrypted_member_is_refused(write_zip: Write) -> None:
    path = write_zip({"a.csv": TABLE})
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(mark) + offset, 1)
    path.write_bytes(content)
    with pytest.raises(errors.BadInput, match="encrypted"):
        Source(path)


def test_an_archive_without_tables_is_refused(write_zip: Write) -> None:
    with pytest.raises(errors.BadInput, match="no table"):
        Source(write_zip({}))


def test_damage_inside_a_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TABLE * 50_000)
    content = bytearray(path.read_bytes())
    content[400_000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(errors.BadInput, match="damaged"):
        list(Source(path).rows("a.csv"))
