"""Two real logs: a retailer's e-mails and a bank's calls, counted from their files with the standard library alone."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from amana import wiring
from amana.connectors import catalogue, mapping, sends
from amana.connectors.tables import Source
from amana.core import decision
from amana.core.remedies import Kind
from amana.services.audience import past_sends, replay
from amana.services.audience.replay import Replayed
from amana.services.collection import imports
from amana.settings import Settings

ROOT = Path(__file__).parents[2]
REAL = ROOT / "docs" / "real-data"
DATA = ROOT.parent / "shared" / "data"


def replayed(
    folder: Path, file: Path, definition: str, people: str, log: str, source: str, brand: str
) -> Replayed:
    """Make the workspace of docs/real-data.md, import the people, and replay the same file as a log."""
    wiring.create(Settings(workspace=folder, actor="test"), (REAL / definition).read_text("utf-8"))
    importer = catalogue.find(mapping.KIND)
    options = importer.load(people)
    opened = Source(file, options.layout())
    with wiring.opened(Settings(workspace=folder, actor="test"), writing=True) as house:
        imports.run(
            house,
            imports.Order(
                kind=mapping.KIND,
                name=source,
                digest=opened.digest,
                reading=people,
                evidence="records",
                brand=brand,
                fields=("residence",),
                rows=lambda start: importer.read(opened, options, house.clock(), start),
            ),
            batch=10_000,
        )
        how = sends.load((REAL / log).read_text("utf-8"))
        read = past_sends.read(house, source, sends.read(Source(file, how.layout()), how))
        return replay.run(house, brand, read)


@pytest.fixture
def told() -> str:
    """The page that says what comes out."""
    return (ROOT / "docs" / "real-data.md").read_text("utf-8")


def data(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip("the data set is not part of this repository")
    return path


@pytest.mark.slow
def test_the_retailers_e_mails_are_refused_where_the_purchase_is_too_old(tmp_path: Path, told: str) -> None:
    file = data("hillstrom.csv")
    people = (REAL / "hillstrom.toml").read_text("utf-8").replace('constant = "US"', 'constant = "UK"')
    found = replayed(
        tmp_path / "w", file, "amana.toml", people, "hillstrom-sends.toml", "hillstrom", "mainstreet"
    )
    with file.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["segment"] != "No E-Mail"]
    old = [row for row in rows if int(row["recency"]) > 6]
    assert len(found.sends) == len(rows) == 42_694
    assert [bool(one) for one in found.bits] == [int(row["recency"]) > 6 for row in rows]
    groups = Counter(row["segment"] for row in old)
    for number in (len(rows), len(old), *groups.values()):
        assert f"{number:,}" in told
    assert found.outlook is not None
    assert [(one.needs, one.people) for one in found.outlook.prospects] == [((Kind.SALE_PROOF,), len(old))]


@pytest.mark.slow
def test_the_banks_calls_are_judged_by_the_law_of_their_month(tmp_path: Path, told: str) -> None:
    file = data("bank-additional-full.csv")
    people = (REAL / "bank-clients.toml").read_text("utf-8").replace('constant = "PT"', 'constant = "ES"')
    found = replayed(tmp_path / "w", file, "bank.amana.toml", people, "bank-calls.toml", "bank", "banco")
    with file.open(encoding="utf-8") as stream:
        months = [row["cons.price.idx"] for row in csv.DictReader(stream, delimiter=";")]
    first_year = list(dict.fromkeys(months))[:7]  # May to December 2008, without September
    in_2008 = sum(1 for month in months if month in first_year)
    assert len(found.sends) == len(months) == 41_188
    assert len(set(months)) == found.quarters == 26
    assert found.counts.allowed == 0
    reasons = Counter(code for one in found.bits for code in decision.codes(int(one)))
    assert reasons == {"registry_stale": 41_188, "other_basis_incomplete": 41_188 - in_2008}
    assert found.outlook is not None
    needs = {one.needs: one.people for one in found.outlook.prospects}
    assert needs == {(Kind.REGISTRY,): in_2008, (Kind.OWN_CONSENT,): 41_188 - in_2008}
    assert f"{in_2008:,}" in told


def test_the_example_of_the_mapping_page_is_read() -> None:
    page = (ROOT / "docs" / "mapping.md").read_text("utf-8")
    example = re.search(r"^```toml sends\n(.*?)^```", page, re.M | re.S)
    assert example is not None
    assert sends.load(example[1]).send.where
