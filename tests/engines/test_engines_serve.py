"""A screen of a real workspace is the same whichever engine is named, also when people changed since.

Rule: the service hands base columns to the engine and patches the few changed rows; ids, reasons and counts do not
depend on the choice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from amana import errors, wiring
from amana.connectors import catalogue
from amana.core.vocabulary import Channel
from amana.services import imports, screening
from amana.services.asking import Inquiry
from amana.services.house import House
from amana.settings import Settings

ROOT = Path(__file__).parents[2] / "docs" / "real-data"
ASKED_AT = 1_789_473_600  # 15 September 2026, noon
OFFER = Inquiry(brand="mainstreet", purpose="mens_offers", channel=Channel.EMAIL)
HEADER = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(workspace=tmp_path / "workspace", actor="test")
    wiring.create(settings, (ROOT / "amana.toml").read_text("utf-8"))
    with wiring.opened(settings, writing=True, at=lambda: ASKED_AT) as opened:
        yield opened
    shutil.rmtree(settings.workspace)


def take_in(house: House, folder: Path, months: list[int], country: str) -> None:
    """Import buyers whose last purchase was so many months ago."""
    path = folder / f"{country}.csv"
    path.write_text("\n".join([HEADER, *(f"{month},,,,,,,,,,," for month in months)]) + "\n", "utf-8")
    text = (ROOT / "hillstrom.toml").read_text("utf-8").replace('constant = "US"', f'constant = "{country}"')
    text = text.replace("buyer-{line}", f"{country}-{{line}}").replace(
        "hillstrom-{line}", f"{country}-{{line}}"
    )
    importer = catalogue.find("table")
    mapping = importer.load(text)
    source = importer.open(path, mapping)
    order = imports.Order(
        kind="table",
        name=country,
        digest=source.digest,
        reading=text,
        evidence="order records",
        brand="mainstreet",
        fields=mapping.field_names(),
        rows=lambda start: importer.read(source, mapping, ASKED_AT, start),
    )
    imports.run(house, order)


@pytest.mark.parametrize("engine", ["numba", "duckdb"])
def test_the_choice_of_engine_changes_nothing(engine: str, house: House, tmp_path: Path) -> None:
    pytest.importorskip({"numba": "numba", "duckdb": "ibis"}[engine], reason="its extra is not installed")
    take_in(house, tmp_path, [month % 12 + 1 for month in range(60)], "DE")
    assert screening.screen(house, OFFER).counts.people == 60  # the base files are written here
    take_in(house, tmp_path, [1, 6, 7, 12], "US")
    usual = screening.screen(house, OFFER)
    other = screening.screen(house, OFFER, engine=engine)
    assert len(usual.people) == 64
    assert 0 < usual.counts.allowed < 64
    assert np.array_equal(usual.people, other.people)
    assert np.array_equal(usual.bits, other.bits)
    assert usual.counts == other.counts


def test_an_unknown_engine_is_told_before_anything_is_read(house: House) -> None:
    with pytest.raises(errors.NotFound, match="no such engine"):
        screening.screen(house, OFFER, engine="abacus")
