"""Delimited text is read to the line, or the line is named."""

from __future__ import annotations

import csv
import hashlib
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amana import errors
from amana.connectors.rows import UNREADABLE, Layout, Row
from amana.connectors.tables import Source
from amana.core.statements import Reject

Write = Callable[..., Path]


def read(path: Path, **layout: object) -> list[Row | Reject]:
    return list(Source(path, Layout(**layout)).rows())  # type: ignore[arg-type]  # keywords of Layout


def cells(path: Path, **layout: object) -> list[list[str]]:
    return [row.cells for row in read(path, **layout) if isinstance(row, Row)]


def rejects(path: Path, **layout: object) -> list[tuple[int, str, str, bool]]:
    return [
        (row.line, row.column, row.reason, row.whole_row)
        for row in read(path, **layout)
        if isinstance(row, Reject)
    ]


@pytest.mark.parametrize(
    ("encoding", "declared", "word"),
    [
        ("utf-8", "", "שלום"),
        ("utf-8-sig", "", "สวัสดี"),
        ("utf-16", "", "Привет"),
        ("utf-16-le", "utf-16-le", "Привет"),
        ("cp1251", "windows-1251", "Привет"),
        ("cp1255", "windows-1255", "שלום"),
        ("cp1256", "windows-1256", "مرحبا"),
        ("cp874", "windows-874", "สวัสดี"),
    ],
)
def test_text_in_the_field_s_encodings_is_read(write: Write, encoding: str, declared: str, word: str) -> None:
    path = write(f"id,name\n1,{word}\n", encoding=encoding)
    assert Source(path, Layout(encoding=declared)).header() == ("id", "name")
    assert cells(path, encoding=declared) == [["1", word]]


def test_a_byte_order_mark_is_stronger_than_a_declaration(write: Write) -> None:
    assert cells(write("id,name\n1,é\n", encoding="utf-8-sig"), encoding="windows-1251") == [["1", "é"]]


def test_an_undeclared_encoding_is_not_guessed(write: Write) -> None:
    path = write("id,name\n1,Привет\n", encoding="cp1251")
    with pytest.raises(errors.BadInput, match="windows-1251"):
        Source(path).header()


def test_utf_16_without_a_mark_is_not_taken_for_utf_8(write: Write) -> None:
    with pytest.raises(errors.BadInput, match="not UTF-8"):
        Source(write("id,name\n1,a\n", encoding="utf-16-le")).header()


def test_an_unknown_encoding_is_refused(write: Write) -> None:
    with pytest.raises(errors.BadInput, match="klingon"):
        Source(write("id\n1\n"), Layout(encoding="klingon")).header()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(write: Write, delimiter: str) -> None:
    path = write(f"id{delimiter}name\n1{delimiter}a, b\n2{delimiter}c\n".replace("a, b", '"a, b; c"'))
    assert cells(path) == [["1", "a, b; c"], ["2", "c"]]


def test_a_declared_delimiter_is_used(write: Write) -> None:
    assert cells(write("a;b^c,d\n1;2^3,4\n"), delimiter="^") == [["1;2", "3,4"]]


def test_one_column_needs_no_delimiter(write: Write) -> None:
    assert cells(write("Email\na@example.com\n")) == [["a@example.com"]]


def test_a_row_over_several_lines_carries_its_first_line(write: Write) -> None:
    path = write('id,note\n1,"two\nlines"\n2,plain\n\n3,"\r\n\r\n"\n4,end\n')
    assert [row.line for row in read(path) if isinstance(row, Row)] == [2, 4, 6, 9]


def test_empty_lines_and_lines_of_delimiters_are_told_as_empty_and_are_no_rows(write: Write) -> None:
    path = write("\n,,\nid,name\n\n1,a\n,\n2,b\n\n")
    assert cells(path) == [["1", "a"], ["2", "b"]]
    empty = [row for row in read(path) if isinstance(row, Reject)]
    assert all(row.empty for row in empty)
    assert [row.line for row in empty] == [4, 6, 8]  # nothing above the header is a row


def test_a_short_row_and_a_long_row_are_rejected_by_line(write: Write) -> None:
    path = write("id,name,city\n1,a\n2,b,c,d\n3,e,f\n")
    assert cells(path) == [["3", "e", "f"]]
    assert rejects(path) == [(2, "", "ragged", True), (3, "", "ragged", True)]


def test_a_trailing_delimiter_is_forgiven(write: Write) -> None:
    assert cells(write("id,name\n1,a,\n")) == [["1", "a"]]


def test_an_unclosed_quote_does_not_swallow_the_rows_after_it(write: Write) -> None:
    path = write('id,name,left\n1,"open,no\n2,b,yes\n3,c,yes\n4,"d",yes\n')
    assert cells(path) == [["2", "b", "yes"], ["3", "c", "yes"], ["4", "d", "yes"]]
    assert rejects(path) == [(2, "", "ragged", True)]


def test_an_unclosed_quote_in_the_last_column_keeps_its_own_row_too(write: Write) -> None:
    path = write('id,left,note\n1,yes,"open\n2,yes,b\n3,no,"c"\n4,yes,d\n')
    assert cells(path) == [["1", "yes", "open"], ["2", "yes", "b"], ["3", "no", "c"], ["4", "yes", "d"]]


def test_an_unclosed_quote_before_a_long_file_costs_one_line(write: Write) -> None:
    rows = "".join(f"{number},name{number},yes\n" for number in range(30_000))
    path = write(f'id,name,left\n0,"open,no\n{rows}')
    assert len(cells(path)) == 30_000
    assert rejects(path) == [(2, "", "ragged", True)]


def test_a_row_with_sloppy_quotes_is_still_read(write: Write) -> None:
    assert cells(write('id,name,left\n1,"Anna "Ann" Bell",yes\n'))[0][2] == "yes"


def test_a_nul_byte_rejects_its_row_only(write: Write) -> None:
    path = write("id,name\n" + "1,abcdefghijklmnop\n" * 20 + "2,a\0b\n3,c\n")
    assert rejects(path) == [(22, "", "nul", True)]
    assert cells(path)[-1] == ["3", "c"]


def test_a_damaged_cell_is_neither_kept_nor_empty(write: Write) -> None:
    path = write(b"id,name,left\n" + b"0,plain,no\n" * 7_000 + b"1,\xff\xfe,yes\n")
    assert cells(path)[-1] == ["1", UNREADABLE, "yes"]
    assert rejects(path) == [(7_002, "name", "encoding", False)]


def test_a_repeated_column_name_is_an_error(write: Write) -> None:
    with pytest.raises(errors.BadInput, match="“E-mail”"):
        Source(write("E-mail,Name,E-mail\n1,2,3\n")).header()


def test_an_error_does_not_show_a_person_who_stands_where_names_should_be(write: Write) -> None:
    with pytest.raises(errors.BadInput) as caught:
        Source(write("dana@example.com,x,dana@example.com\n")).header()
    assert "dana" not in str(caught.value)
    assert "column 1" in str(caught.value)


def test_a_file_without_a_header_numbers_its_columns(write: Write) -> None:
    source = Source(write("202,5550101\n"), Layout(header=False))
    assert source.header() == ("1", "2")
    assert [row.line for row in source.rows()] == [1]


def test_an_empty_file_has_no_rows(write: Write) -> None:
    source = Source(write(""))
    assert (source.header(), list(source.rows())) == ((), [])


def test_a_line_without_end_is_refused_before_it_fills_the_memory(write: Write) -> None:
    path = write(b"id,name\n1," + b"x" * (5 << 20))
    with pytest.raises(errors.BadInput, match="Line 2"):
        read(path)


def test_the_digest_is_that_of_the_file(write: Write) -> None:
    path = write("id\n1\n")
    assert Source(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_estimate_is_near(write: Write) -> None:
    path = write("id,name\n" + "".join(f"{number},name{number}\n" for number in range(20_000)))
    assert Source(path).estimated_rows == pytest.approx(20_000, rel=0.1)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound):
        Source(tmp_path / "none.csv")


@pytest.mark.parametrize("start", [b"\xd0\xcf\x11\xe0", b"\x1f\x8b\x08", b"%PDF-1.7"])
def test_what_is_no_table_is_named(write: Write, start: bytes) -> None:
    with pytest.raises(errors.BadInput, match="no table"):
        Source(write(start + b"\0" * 20))


def test_a_declared_format_must_be_the_file_s(write: Write) -> None:
    with pytest.raises(errors.BadInput, match="declared format"):
        Source(write("id\n1\n"), Layout(format="xlsx"))


def test_memory_does_not_grow_with_the_file(write: Write) -> None:
    path = write("id,name\n" + "".join(f"{number},name{number}\n" for number in range(50_000)))
    source = Source(path)
    tracemalloc.start()
    try:
        assert sum(1 for _ in source.rows()) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


plain = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd"), max_size=8)


@given(rows=st.lists(st.tuples(st.integers(), plain, plain), max_size=8), start=st.integers(0, 30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_csv_writer_wrote_comes_back_and_resumes_anywhere(
    write: Write, rows: list[tuple[int, str, str]], start: int
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("id", "a", "b"))
    writer.writerows(rows)
    source = Source(write(text.getvalue()), Layout(delimiter=","))
    found = list(source.rows())
    assert [row.cells for row in found if isinstance(row, Row)] == [[str(n), a, b] for n, a, b in rows]
    assert list(source.rows("", start)) == [row for row in found if row.line >= start]


@given(text=st.text(st.sampled_from('a,"\n\r;1'), max_size=60), start=st.integers(0, 30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_rows_or_rejects_in_line_order(write: Write, text: str, start: int) -> None:
    source = Source(write("id,name,left\n" + text), Layout(delimiter=","))
    found = list(source.rows())
    lines = [row.line for row in found]
    assert lines == sorted(set(lines))
    assert all(len(row.cells) == 3 for row in found if isinstance(row, Row))
    assert list(source.rows("", start)) == [row for row in found if row.line >= start]
