"""Files: what nobody changed stays to the byte, and an interrupted or disturbed rewrite changes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from systems_suite import PEOPLE, holds_no_value
from systems_worlds import SCHEMA, parquet_world

from amana import errors
from amana.connectors.systems import files, files_lines
from amana.connectors.systems.system import Change, Match
from amana.core.data_map import Collection, DataType, Field

SHOP = Collection(
    dataset="shop",
    name="people",
    fields=(
        Field(path="id", type=DataType.STRING, primary_key=True),
        Field(path="name", type=DataType.STRING),
        Field(path="note", type=DataType.STRING),
    ),
)


def shop(folder: Path, raw: bytes, **settings: str) -> files.Files:
    (folder / "people.csv").write_bytes(raw)
    return files.open_files(files.Settings(folder=".", **settings), folder, {})


def renamed(rows: files.Files, *numbers: str) -> int:
    return rows.change(SHOP, [Change(key={"id": number}, values={"name": "x"}) for number in numbers])


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        (
            "utf-8",
            'id,name,note\r\n1,Dana,"a ""b""\nc"\r\n02, Omar ,\r\n\r\n',
            'id,name,note\r\n1,x,"a ""b""\nc"\r\n02, Omar ,\r\n\r\n',
        ),
        ("utf-8-sig", 'id;name;note\n1;Dana;"a"\n2;Omar;b\n', "id;name;note\n1;x;a\n2;Omar;b\n"),
        ("utf-16", "id\tname\tnote\n1\tDana\tน\n2\tOmar\t\n", "id\tname\tnote\n1\tx\tน\n2\tOmar\t\n"),
        ("windows-1251", "id,name,note\n1,Дана,да\n2,Омар,нет", "id,name,note\n1,x,да\n2,Омар,нет"),
        (
            "utf-8",
            '"id","name","note"\n"1","Dana",""\n"2","Omar","b"',
            '"id","name","note"\n"1","x",""\n"2","Omar","b"',
        ),
    ],
)
def test_the_dialect_is_kept_and_other_rows_are_untouched(
    tmp_path: Path, encoding: str, text: str, expected: str
) -> None:
    rows = shop(tmp_path, text.encode(encoding), encoding="windows-1251" if "1251" in encoding else "")
    assert renamed(rows, "1") == 1
    assert (tmp_path / "people.csv").read_bytes() == expected.encode(encoding)


def test_a_change_to_what_is_there_already_writes_nothing(tmp_path: Path) -> None:
    rows = shop(tmp_path, b"id,name,note\n1,x,\n2,Omar,b\n")
    before = (tmp_path / "people.csv").stat()
    assert renamed(rows, "1", "9") == 1
    assert rows.delete(SHOP, [{"id": "9"}]) == 0
    assert (tmp_path / "people.csv").stat().st_ino == before.st_ino


def test_rights_to_the_file_are_kept_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    rows = shop(tmp_path, b"id,name,note\n1,Dana,\n")
    (tmp_path / "people.csv").chmod(0o640)
    (tmp_path / ".people.csv.amana").write_text("what a killed writer left: Dana")
    assert renamed(rows, "1") == 1
    assert (tmp_path / "people.csv").stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"people.csv", ".people.csv.lock"}


@pytest.mark.parametrize(
    "raw",
    [
        b"id,name,note\n1,Dana,\n2,Omar\n",
        b'id,name,note\n1,Dana,\n2,"Omar,b\n3,Nok,\n',
        b"id,name,note\n1,Dana,\n2,\xff\xfe,b\n",
        b"id,id,note\n1,Dana,\n",
    ],
)
def test_a_row_that_cannot_be_read_stops_the_work_and_the_file_stays(tmp_path: Path, raw: bytes) -> None:
    rows = shop(tmp_path, raw)
    for act in (lambda: renamed(rows, "1"), lambda: list(rows.find(SHOP, [Match(path="id", values=("1",))]))):
        with pytest.raises(errors.Undeliverable, match="file_unreadable") as refused:
            act()
        holds_no_value(refused.value)
    assert (tmp_path / "people.csv").read_bytes() == raw
    assert not (tmp_path / ".people.csv.amana").exists()


def test_a_file_that_another_program_replaced_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = shop(tmp_path, b"id,name,note\n1,Dana,\n")
    rewrite = files_lines.Lines.rewrite

    def disturbed(form: files_lines.Lines, *arguments: Any) -> None:
        rewrite(form, *arguments)
        (tmp_path / "people.csv").write_bytes(b"id,name,note\n1,Dana,newer\n")

    monkeypatch.setattr(files_lines.Lines, "rewrite", disturbed)
    with pytest.raises(errors.NotNow, match="file_changed"):
        renamed(rows, "1")
    assert (tmp_path / "people.csv").read_bytes() == b"id,name,note\n1,Dana,newer\n"


def test_the_new_file_is_durable_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = shop(tmp_path, b"id,name,note\n1,Dana,\n")
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        steps.append("sync")
        sync(handle)

    def replaced(path: Path, target: Path) -> Path:
        steps.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    renamed(rows, "1")
    assert steps == ["sync", "replace", "sync"]


def test_a_parquet_files_schema_compression_and_metadata_are_kept(tmp_path: Path) -> None:
    world = parquet_world(tmp_path)
    assert (
        world.rows.change(PEOPLE, [Change(key={"id": 1}, values={"profile.phone": None, "balance": "7.25"})])
        == 1
    )
    file = pq.ParquetFile(tmp_path / "exports" / "people.parquet")
    assert file.schema_arrow.equals(SCHEMA)
    assert file.schema_arrow.metadata[b"made by"] == b"a shop"
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert world.rows.limits(PEOPLE)["id"].nullable is False


@pytest.mark.parametrize("value", ["many", "99999999999999.00", "1.239"])
def test_a_value_that_a_parquet_column_cannot_hold_is_refused(tmp_path: Path, value: str) -> None:
    world = parquet_world(tmp_path)
    seen = world.dump()
    with pytest.raises(errors.Undeliverable, match="value_unfit"):
        world.rows.change(PEOPLE, [Change(key={"id": 1}, values={"balance": value})])
    assert world.dump() == seen


@pytest.mark.parametrize("name", ["../people", ".people", "a/b"])
def test_a_collection_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    rows = shop(tmp_path, b"id,name,note\n1,Dana,\n")
    with pytest.raises(errors.Undeliverable, match="file_missing"):
        rows.check([Collection(dataset="shop", name=name, fields=SHOP.fields)])


def test_behind_a_link_the_file_itself_is_changed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    rows = shop(tmp_path, b"id,name,note\n1,Dana,a\n2,Omar,b\n")
    (tmp_path / "people.csv").rename(elsewhere / "kept.csv")
    (tmp_path / "people.csv").symlink_to(elsewhere / "kept.csv")
    assert rows.delete(SHOP, [{"id": "1"}]) == 1
    assert (elsewhere / "kept.csv").read_bytes() == b"id,name,note\n2,Omar,b\n"
    assert (tmp_path / "people.csv").is_symlink()
