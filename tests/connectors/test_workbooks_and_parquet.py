"""Excel and Parquet values become the text a person would have typed."""

from __future__ import annotations

import datetime as dt
import decimal
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amana import errors
from amana.connectors.rows import Layout, Row
from amana.connectors.tables import Source
from amana.core.statements import Reject


def workbook(path: Path, **sheets: list[list[object]]) -> Source:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return Source(path)


def cells(source: Source, part: str = "") -> list[list[str]]:
    return [row.cells for row in source.rows(part) if isinstance(row, Row)]


def test_excel_values_are_not_damaged(tmp_path: Path) -> None:
    source = workbook(
        tmp_path / "a.xlsx",
        People=[
            ["id", "phone", "float", "amount", "ok", "day", "moment", "zero"],
            [
                1,
                972501234567,
                972501234567.0,
                12.5,
                True,
                dt.date(2024, 5, 1),
                dt.datetime(2024, 5, 1, 10, 30),
                "007",
            ],
        ],
    )
    assert cells(source, "People") == [
        ["1", "972501234567", "972501234567", "12.5", "true", "2024-05-01", "2024-05-01 10:30:00", "007"]
    ]


def test_midnight_in_a_cell_that_shows_a_time_stays_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["id", "when"])
    book.active.append([1, dt.datetime(2024, 5, 1)])
    book.active["B2"].number_format = "yyyy-mm-dd hh:mm"
    book.save(path)
    assert cells(Source(path), "Sheet") == [["1", "2024-05-01 00:00:00"]]


def test_sheets_are_parts_and_rows_keep_excel_s_numbers(tmp_path: Path) -> None:
    source = workbook(
        tmp_path / "a.xlsx",
        First=[["id", "name"], [1, "a"], [None, None], [2, None]],
        Empty=[],
        Second=[[None], ["id", None], [3]],
    )
    assert source.parts() == ("First", "Second")
    assert [(row.line, row.cells) for row in source.rows("First") if isinstance(row, Row)] == [
        (2, ["1", "a"]),
        (4, ["2", ""]),
    ]
    assert [(row.line, row.cells) for row in source.rows("Second") if isinstance(row, Row)] == [(3, ["3"])]
    assert [row.line for row in source.rows("First", 3)] == [4]


def test_a_cell_beyond_the_header_is_ragged(tmp_path: Path) -> None:
    source = workbook(tmp_path / "a.xlsx", People=[["id"], [1, "what is this"]])
    assert list(source.rows("People")) == [Reject(part="People", line=2, column="", reason="ragged")]


def test_an_unknown_sheet_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound, match="People"):
        workbook(tmp_path / "a.xlsx", People=[["id"], [1]]).rows("Other")


def test_a_workbook_that_is_only_called_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<broken")
    with pytest.raises(errors.BadInput, match="workbook cannot be read"):
        Source(path)


def parquet(path: Path, **columns: pa.Array) -> Source:
    pq.write_table(pa.table(columns), path, row_group_size=100)
    return Source(path)


def test_parquet_values_are_not_damaged(tmp_path: Path) -> None:
    utc = dt.datetime(2024, 5, 1, 10, 30, tzinfo=dt.UTC)
    source = parquet(
        tmp_path / "a.parquet",
        phone=pa.array([972501234567, None]),
        float=pa.array([972501234567.0, 0.5]),
        price=pa.array([decimal.Decimal("12.50"), None]),
        ok=pa.array([True, False]),
        day=pa.array([dt.date(2024, 5, 1), None]),
        zoned=pa.array([utc, None], pa.timestamp("ns", "UTC")),
        local=pa.array([dt.datetime(2024, 5, 1, 10, 30), None], pa.timestamp("ms")),
        word=pa.array(["a", None]).dictionary_encode(),
        tags=pa.array([["x", "y"], None]),
    )
    assert cells(source)[0] == [
        "972501234567",
        "972501234567",
        "12.50",
        "true",
        "2024-05-01",
        "2024-05-01 10:30:00+00:00",
        "2024-05-01 10:30:00",
        "a",
        '["x", "y"]',
    ]
    assert cells(source)[1] == ["", "0.5", "", "false", "", "", "", "", ""]


def test_parquet_resumes_inside_any_row_group(tmp_path: Path) -> None:
    source = parquet(tmp_path / "a.parquet", id=pa.array(range(350)))
    found = list(source.rows())
    assert [row.line for row in found] == list(range(2, 352))
    assert source.estimated_rows == 350
    for start in (0, 2, 101, 102, 103, 351, 352):
        assert list(source.rows("", start)) == [row for row in found if row.line >= start]


def test_a_parquet_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(errors.BadInput, match="Parquet"):
        Source(path, Layout())
