"""A real e-mail campaign of 64,000 recipients, asked about under four laws, against an independent count.

The count is made from the CSV alone, with no code of the product: who may be written to follows from the month of
the last purchase and from what docs/real-data.md says about each law. The person with id n stands in line n + 1.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from amana import wiring
from amana.connectors import catalogue
from amana.core.vocabulary import Channel
from amana.services.audience import screening
from amana.services.collection import imports
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record.house import House
from amana.settings import Settings

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "hillstrom.csv"
PAGE = ROOT / "docs" / "real-data.md"
MAPPING = ROOT / "docs" / "real-data" / "hillstrom.toml"
WORKSPACE = ROOT / "docs" / "real-data" / "amana.toml"
PARAMETER = 'residence = { constant = "US" }\n'
ASKED_AT = int(datetime(2026, 9, 15, 12, tzinfo=UTC).timestamp())
MENS_OFFER = Inquiry(brand="mainstreet", purpose="mens_offers", channel=Channel.EMAIL)

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the Hillstrom file is not beside this repository")

Recipients = list[dict[str, str]]


@pytest.fixture(scope="module")
def recipients() -> Recipients:
    with DATA.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A workspace in which every recipient lives in the country of the parameter; "" is nobody knows where."""
    settings = Settings(workspace=tmp_path / "workspace", actor="test")
    wiring.create(settings, WORKSPACE.read_text("utf-8"))
    with wiring.opened(settings, writing=True, at=lambda: ASKED_AT) as opened:
        _import(opened, request.param)
        yield opened
    shutil.rmtree(settings.workspace)


def _import(house: House, residence: str) -> None:
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


def _expected(residence: str, recipients: Recipients) -> list[int]:
    """Ids of the people who may be written to, from the CSV alone."""
    recent = [number for number, row in enumerate(recipients, start=1) if int(row["recency"]) <= 6]
    return {
        "US": list(range(1, len(recipients) + 1)),  # opt-out law: nobody in this file said no
        "UK": recent,  # PECR reg. 22(3): sale, similar offer, refusal offered then and in every message
        "DE": recent,  # UWG s. 7(3): the same evidence
        "": [],  # all served countries together; Israel also asks that people were told of advertising
    }[residence]


MISSING = {
    "US": (),
    "UK": ("opt_out_at_collection",),
    "DE": ("opt_out_at_collection",),
    "": ("opt_out_at_collection", "advertising_told"),
}
"""What a customer lacks who bought before the shop offered to refuse."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("house", "residence"),
    [(one, one) for one in MISSING],
    indirect=["house"],
    ids=["US", "UK", "DE", "unknown"],
)
def test_each_law_allows_exactly_whom_an_independent_count_allows(
    house: House, residence: str, recipients: Recipients
) -> None:
    result = screening.screen(house, MENS_OFFER, ASKED_AT)
    assert result.allowed.tolist() == _expected(residence, recipients)
    assert result.counts.people == len(recipients) == 64_000  # equal lines are different people
    reasons = {code: people for code, people in result.counts.by_reason.items() if people}
    refused = len(recipients) - result.counts.allowed
    assert reasons == ({"other_basis_incomplete": refused} if refused else {})
    _answers_agree(house, result)
    late = next(number for number, row in enumerate(recipients, start=1) if int(row["recency"]) > 6)
    assert _missing(house, late) == MISSING[residence]


def _answers_agree(house: House, result: screening.Screened) -> None:
    """One by one, the gate says the same as the screen, for 500 people drawn from a fixed seed."""
    gate = Gate(house)
    for place in np.random.default_rng(20080320).choice(len(result.people), 500, replace=False):
        answer = gate.ask(int(result.people[place]), MENS_OFFER, ASKED_AT)
        assert answer.allow == (result.bits[place] == 0)
    gate.close()


def _missing(house: House, person: int) -> tuple[str, ...]:
    gate = Gate(house)
    reasons = gate.ask(person, MENS_OFFER, ASKED_AT).reasons
    gate.close()
    return tuple(name for reason in reasons for name in reason.detail)


def test_the_file_has_lines_that_repeat_another_to_the_letter(recipients: Recipients) -> None:
    assert len(recipients) - len(Counter(tuple(row.values()) for row in recipients)) == 6_562


def test_the_page_states_the_counted_figures(recipients: Recipients) -> None:
    page = PAGE.read_text("utf-8")
    for residence, heading in (("US", "United States"), ("UK", "United Kingdom"), ("DE", "Germany")):
        row = next(line for line in page.splitlines() if line.startswith(f"| {heading} "))
        assert f"| {len(_expected(residence, recipients)):,} |" in row
    row = next(line for line in page.splitlines() if line.startswith("| not known "))
    assert "| 0 |" in row
