"""A real e-mail campaign of 64,000 recipients, asked about under four laws, against an independent count.

The count is made from the CSV alone, with no code of the product: who may be written to follows from the month of
the last purchase and from what docs/real-data.md says about each law. The person with id n stands in line n + 1.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from amana import wiring
from amana.connectors import catalogue
from amana.core.vocabulary import Channel
from amana.services import imports, screening
from amana.services.asking import Gate, Inquiry
from amana.services.house import House
from amana.settings import Settings

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "hillstrom.csv"
PAGE = ROOT / "docs" / "real-data.md"
MAPPING = ROOT / "docs" / "real-data" / "hillstrom.toml"
WORKSPACE = ROOT / "docs" / "real-data" / "amana.toml"
PARAMETER = 'residence = { constant = "US" }\n'
ASKED_AT = int(datetime(2026, 9, 15, 12, tzinfo=UTC).timestamp())
MENS_OFFER = Inquiry(brand="mainstreet", purpose="mens_offers", channel=Channel.EMAIL)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the Hillstrom file is not beside this repository"),
]

Residence = str
Recipients = list[dict[str, str]]


@pytest.fixture(scope="module")
def recipients() -> Recipients:
    with DATA.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def house_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Residence], House]]:
    """Makes a workspace in which every recipient lives in one country, or nobody knows where ("")."""
    opened = {}
    folders = []

    def make(residence: Residence) -> House:
        if residence not in opened:
            folder = tmp_path_factory.mktemp(f"hillstrom-{residence or 'unknown'}")
            folders.append(folder)
            settings = Settings(workspace=folder / "workspace", actor="test")
            wiring.create(settings, WORKSPACE.read_text("utf-8"))
            context = wiring.opened(settings, writing=True, at=lambda: ASKED_AT)
            house = context.__enter__()
            opened[residence] = (context, house)
            _import(house, residence)
        return opened[residence][1]

    yield make
    for context, _ in opened.values():
        context.__exit__(None, None, None)
    for folder in folders:
        shutil.rmtree(folder)


def _import(house: House, residence: Residence) -> None:
    text = MAPPING.read_text("utf-8")
    assert PARAMETER in text
    text = text.replace(PARAMETER, PARAMETER.replace("US", residence) if residence else "")
    importer = catalogue.find("table")
    mapping = importer.load(text)
    source = importer.open(DATA, mapping)
    report = imports.run(
        house,
        imports.Order(
            kind="table",
            name="hillstrom",
            digest=source.digest,
            reading=text,
            evidence="order records of the retailer",
            brand="mainstreet",
            fields=mapping.field_names(),
            rows=lambda start: importer.read(source, mapping, ASKED_AT, start),
        ),
    )
    assert report.counts["rejected_rows"] == report.counts["rejected_values"] == 0


def _expected(residence: Residence, recipients: Recipients) -> list[int]:
    """Ids of the people who may be written to, from the CSV alone."""
    recent = [number for number, row in enumerate(recipients, start=1) if int(row["recency"]) <= 6]
    return {
        "US": list(range(1, len(recipients) + 1)),  # opt-out law: nobody in this file said no
        "UK": recent,  # PECR reg. 22(3): sale, similar offer, refusal offered then and in every message
        "DE": recent,  # UWG s. 7(3): the same evidence
        "": [],  # all served countries together; Israel also asks that people were told of advertising
    }[residence]


@pytest.mark.parametrize("residence", ["US", "UK", "DE", ""])
def test_each_law_allows_exactly_whom_an_independent_count_allows(
    residence: Residence, recipients: Recipients, house_of: Callable[[Residence], House]
) -> None:
    result = screening.screen(house_of(residence), MENS_OFFER, ASKED_AT)
    assert result.allowed.tolist() == _expected(residence, recipients)
    assert result.counts.people == len(recipients)
    reasons = {code: people for code, people in result.counts.by_reason.items() if people}
    refused = len(recipients) - result.counts.allowed
    assert reasons == ({"other_basis_incomplete": refused} if refused else {})


def test_equal_lines_are_different_people(
    recipients: Recipients, house_of: Callable[[Residence], House]
) -> None:
    repeated = len(recipients) - len(Counter(tuple(row.values()) for row in recipients))
    assert repeated == 6_562
    assert screening.screen(house_of("US"), MENS_OFFER, ASKED_AT).counts.people == 64_000


def test_a_refusal_names_the_evidence_that_is_missing(
    recipients: Recipients, house_of: Callable[[Residence], House]
) -> None:
    late = next(number for number, row in enumerate(recipients, start=1) if int(row["recency"]) > 6)
    missing = {}
    for residence in ("UK", "DE", ""):
        gate = Gate(house_of(residence))
        missing[residence] = gate.ask(late, MENS_OFFER, ASKED_AT).reasons[0].detail
        gate.close()
    assert missing["UK"] == missing["DE"] == ("opt_out_at_collection",)
    assert missing[""] == ("opt_out_at_collection", "advertising_told")


def test_the_screen_and_the_single_answer_agree_on_a_sample(
    house_of: Callable[[Residence], House],
) -> None:
    for residence in ("US", "UK", "DE", ""):
        house = house_of(residence)
        result = screening.screen(house, MENS_OFFER, ASKED_AT)
        gate = Gate(house)
        for place in np.random.default_rng(20080320).choice(len(result.people), 500, replace=False):
            answer = gate.ask(int(result.people[place]), MENS_OFFER, ASKED_AT)
            assert answer.allow == (result.bits[place] == 0)
        gate.close()


def test_the_page_states_the_counted_figures(recipients: Recipients) -> None:
    page = PAGE.read_text("utf-8")
    for residence, heading in (("US", "United States"), ("UK", "United Kingdom"), ("DE", "Germany")):
        row = next(line for line in page.splitlines() if line.startswith(f"| {heading} "))
        assert f"| {len(_expected(residence, recipients)):,} |" in row
    row = next(line for line in page.splitlines() if line.startswith("| not known "))
    assert "| 0 |" in row
