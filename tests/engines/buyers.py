"""A workspace of invented buyers who are asked about by e-mail, in the words of the documentation's example."""

from __future__ import annotations

from pathlib import Path

from amana.connectors import catalogue
from amana.core.vocabulary import Channel
from amana.services.collection import imports
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House

ROOT = Path(__file__).parents[2] / "docs" / "real-data"
ASKED_AT = 1_789_473_600  # 15 September 2026, noon
OFFER = Inquiry(brand="mainstreet", purpose="mens_offers", channel=Channel.EMAIL)
HEADER = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"


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
