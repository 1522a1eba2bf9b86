"""A look at a copy is recorded where there is one to look at; and the evidence calls systems by their labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from copies_world import Clock, asked, opened, ran, shop, told

from amana import errors
from amana.core.rights import Kind
from amana.services.record.house import House
from amana.services.rights import copies, evidence_pack, printing
from amana.storage import register


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A workspace with a shop that knows Noa."""
    with opened(tmp_path / "workspace", Clock()) as found:
        shop(tmp_path / "workspace")
        yield found


def looks(house: House) -> int:
    with house.database.read() as connection:
        return len(register.looks(connection))


def test_a_pdf_that_cannot_be_made_leaves_no_look(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ran(house, asked(house, Kind.ACCESS, told(house)))
    before = looks(house)

    def cannot(_: str) -> bytes:
        raise errors.BadSettings("This machine cannot print a PDF")

    monkeypatch.setattr(printing, "pdf", cannot)
    with pytest.raises(errors.BadSettings):
        copies.printed(house, row, actor="x")
    assert looks(house) == before
    monkeypatch.setattr(printing, "pdf", lambda _: b"%PDF")
    assert copies.printed(house, row, actor="x") == b"%PDF"
    assert looks(house) == before + 1


def test_the_evidence_calls_a_system_by_its_label(house: House) -> None:
    for file in (house.folder / "systems").glob("*.toml"):
        text = file.read_text("utf-8")
        lines = [one for one in text.splitlines() if not one.startswith("label")]
        lines.insert(lines.index("[system]") + 1, 'label = "Shop of the corner"')
        file.write_text("\n".join(lines), "utf-8")
    row = ran(house, asked(house, Kind.ACCESS, told(house)))
    page = evidence_pack.make(house, row, actor="x").files[evidence_pack.PAGE].decode()
    assert "Shop of the corner · " in page
    assert "shop · " not in page
