"""What dated changes of law turn on the invented company of `amana demo`, as docs/audiences.md tells it of a larger one.

Rule: each change is asked about alone, on the eve and on its day, with everything else alike; whoever turns or gets other
reasons lives where the law changed, and turns the way that the change goes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from amana import wiring
from amana.cli.demo import NEWSLETTER
from amana.services.audience import cache, screening, whatif
from amana.services.audience.whatif import Side
from amana.services.gate.asking import Gate
from amana.services.record.house import House
from amana.settings import Settings

PROGRAM = Path(sys.executable).with_name("amana")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("company") / "demo"
    words = [PROGRAM, "demo", "--folder", folder, "--people", "1500"]
    subprocess.run(words, capture_output=True, timeout=300, check=True)
    with wiring.opened(Settings(workspace=folder, actor="test"), writing=True) as house:
        yield house


@pytest.mark.slow
@pytest.mark.parametrize(
    ("eve", "day", "place", "way"),
    [
        ("2024-08-26", "2024-08-27", "AE", "to yes"),
        ("2024-09-13", "2024-09-14", "SA", "to yes"),
        ("2025-08-31", "2025-09-01", "RU", "other reasons"),
    ],
)
def test_a_dated_change_turns_customers_of_its_country_its_own_way(
    company: House, eve: str, day: str, place: str, way: str
) -> None:
    before, after = (
        Side(book=book, at=company.clock(), law=name)
        for book, name in (whatif.law_of(company, one) for one in (eve, day))
    )
    flips = whatif.compare(company, NEWSLETTER, before, after)
    concerned = flips.people[flips.before != flips.after]
    assert len(concerned) > 5
    gate = Gate(company)
    caught = cache.catch_up(company, gate.plan(NEWSLETTER, before.at).question.cell)
    gate.close()
    homes = {caught.regimes[one].residence for one in np.unique(screening.regimes_of(caught, concerned))}
    assert homes <= {place, ""}, "somebody without a residence is under the law of every country served"
    assert place in homes
    assert flips.turned_to_no == 0
    assert (flips.turned_to_yes > 0) == (way == "to yes")
    assert flips.other_reasons > 0
