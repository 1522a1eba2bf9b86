"""What every importer owes, held over the whole catalogue."""

from __future__ import annotations

import csv
import inspect
import io
import itertools
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from import_samples import SAMPLES

from amana import errors
from amana.connectors import catalogue
from amana.connectors.tables import Source
from amana.core.statements import ANY, PersonRow, Reject
from amana.core.vocabulary import GRANTING, REFUSING, Proof

NOW = 1_760_000_000
KINDS = sorted(catalogue.CATALOGUE)
Found = list[PersonRow | Reject]


class Import:
    """One importer over its sample."""

    def __init__(self, kind: str, folder: Path, repeats: int = 0) -> None:
        self.importer = catalogue.find(kind)
        self.options: Any = self.importer.load(SAMPLES[kind].options)
        self.source: Source = self.importer.open(SAMPLES[kind].write(folder, repeats), self.options)

    def read(self, start: tuple[str, int] | None = None) -> Found:
        return list(self.importer.read(self.source, self.options, NOW, start))


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Import:
    return Import(request.param, tmp_path)


def identifiers(person: PersonRow) -> set[str]:
    return {person.email, person.phone, person.external_id} - {""}


def test_every_importer_has_a_sample() -> None:
    assert sorted(SAMPLES) == KINDS


def test_an_unknown_kind_is_not_found() -> None:
    with pytest.raises(errors.NotFound, match="mailchimp"):
        catalogue.find("carrier pigeon")


@pytest.mark.parametrize("kind", KINDS)
def test_options_refuse_a_key_they_do_not_know(kind: str) -> None:
    with pytest.raises(errors.BadInput, match="colour"):
        catalogue.find(kind).load('colour = "blue"\n' + SAMPLES[kind].options)


def test_parts_come_in_order_and_lines_never_go_back(run: Import) -> None:
    found = run.read()
    parts = [part for part, _ in itertools.groupby(found, key=lambda each: each.part)]
    assert parts == [part for part in run.source.parts() if part in parts]
    for _, group in itertools.groupby(found, key=lambda each: each.part):
        lines = [each.line for each in group]
        assert lines == sorted(lines)


def test_one_person_stands_on_one_line(run: Import) -> None:
    places = [(each.part, each.line) for each in run.read() if isinstance(each, PersonRow)]
    assert len(places) == len(set(places)) > 0


def test_a_resumed_import_yields_exactly_the_rest(run: Import) -> None:
    found = run.read()
    parts = list(run.source.parts())
    for part in parts:
        last = max((each.line for each in found if each.part == part), default=1)
        for line in range(last + 2):
            rest = [
                each
                for each in found
                if parts.index(each.part) > parts.index(part) or (each.part == part and each.line >= line)
            ]
            assert run.read((part, line)) == rest


def test_a_second_pass_yields_the_same(run: Import) -> None:
    assert run.read() == run.read()


def test_every_row_of_the_file_is_a_person_or_a_reject(run: Import) -> None:
    found = {(each.part, each.line) for each in run.read()}
    for part in run.source.parts():
        assert {line for where, line in found if where == part} == {row.line for row in run.source.rows(part)}


def test_rejects_hold_no_value_of_the_file(run: Import) -> None:
    rejects = [each for each in run.read() if isinstance(each, Reject)]
    assert rejects or run.importer.kind in ("listmonk",)
    names = {name for part in run.source.parts() for name in run.source.header(part)}
    for each in rejects:
        assert each.column in names | {""}
        assert each.reason.isidentifier()
        assert each.part in run.source.parts()


def test_nothing_is_given_without_proof_and_a_date(run: Import) -> None:
    for person in (each for each in run.read() if isinstance(each, PersonRow)):
        for said in person.statements:
            if said.status in GRANTING:
                assert said.proof != Proof(0)
                assert said.occurred is not None
                assert said.purpose != ANY
                assert said.channel is not None


def test_nothing_is_given_when_the_options_document_nothing(run: Import) -> None:
    bare = "\n".join(line for line in SAMPLES[run.importer.kind].options.splitlines() if "proof" not in line)
    options = run.importer.load(bare)
    for person in run.importer.read(run.source, options, NOW):
        if isinstance(person, PersonRow):
            assert not GRANTING & {said.status for said in person.statements}


def test_everybody_who_left_is_refused_and_nobody_else(run: Import) -> None:
    left = SAMPLES[run.importer.kind].left
    refused = set()
    for person in (each for each in run.read() if isinstance(each, PersonRow)):
        if any(said.status in REFUSING or said.point_blocked for said in person.statements):
            refused |= identifiers(person) & left or identifiers(person)
    assert refused == left


def test_no_statement_carries_an_address(run: Import) -> None:
    for person in (each for each in run.read() if isinstance(each, PersonRow)):
        for said in person.statements:
            assert "@" not in said.evidence + said.reason + said.purpose


def test_the_columns_can_be_asked_before(run: Import) -> None:
    headers = [name for part in run.source.parts() for name in run.source.header(part)]
    assert run.importer.columns(run.source) == tuple(dict.fromkeys(headers))


def test_a_column_nobody_knows_stops_the_import(run: Import, tmp_path: Path) -> None:
    if run.importer.kind == "registry":
        pytest.skip("a register has no columns")
    other = tmp_path / "other"
    other.mkdir()
    path = SAMPLES[run.importer.kind].write(other)
    if path.suffix == ".zip":
        pytest.skip("covered by the importer's own tests")
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(
            [*row, "Shoe size" if place == 0 else "42"] for place, row in enumerate(rows)
        )
    with pytest.raises(errors.UnregisteredField, match="Shoe size"):
        run.importer.read(run.importer.open(path, run.options), run.options, NOW)


@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_the_source(kind: str, tmp_path: Path) -> None:
    long = Import(kind, tmp_path, repeats=4_000)
    rows = long.importer.read(long.source, long.options, NOW)
    assert inspect.isgenerator(rows)
    tracemalloc.start()
    try:
        assert sum(1 for _ in rows) >= 4_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
