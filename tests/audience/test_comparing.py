"""A sitting answers as a screen does, breakdowns add up to it, and a difference is what two answers differ in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from audience_samples import NEWS, OFFERS, TEXTS, crowd, given, row, said
from hypothesis import given as every
from hypothesis import strategies as st

from amana import errors
from amana.core import bars, decision
from amana.core.bars import Bar
from amana.core.vocabulary import Status
from amana.services.audience import comparing, screening, sitting
from amana.services.audience.screening import Screened
from amana.services.audience.sitting import Sitting
from amana.services.record.house import House
from worlds.clock import DAY, NOW, Clock
from worlds.lists import taken


def same(one: Screened, other: Screened) -> bool:
    alike = (one.people.tolist(), one.bits.tolist(), one.unknown) == (
        other.people.tolist(), other.bits.tolist(), other.unknown,
    )  # fmt: skip  # the same three of each
    return alike and one.counts == other.counts


@pytest.mark.parametrize("engine", ["numpy", "numba", "duckdb"])
def test_a_sitting_answers_as_a_screen_does(crowded: House, engine: str, tmp_path: Path) -> None:
    audience = tmp_path / "some.csv"
    audience.write_text("id\n" + "".join(f"p{one}\n" for one in (3, 5, 250, 9_999)), "utf-8")
    with Sitting(crowded) as desk:
        for inquiry in (OFFERS, NEWS, TEXTS, OFFERS):
            for path in (None, audience):
                plain = screening.screen(crowded, inquiry, NOW, path)
                assert same(desk.screen(inquiry, NOW, path, engine=engine), plain)


@pytest.mark.parametrize("engine", ["numpy", "numba", "duckdb"])
@pytest.mark.parametrize("text", ["tier = gold", "interests:garden and country = NL", "tier = none"])
def test_a_segment_leaves_the_answer_of_those_in_it_as_it_is(crowded: House, engine: str, text: str) -> None:
    everybody = screening.screen(crowded, OFFERS, NOW)
    reasons = dict(zip(everybody.people.tolist(), everybody.bits.tolist(), strict=True))
    with Sitting(crowded) as desk:
        some = desk.screen(OFFERS, NOW, segment=text, engine=engine)
    assert some.bits.tolist() == [reasons[person] for person in some.people.tolist()]
    assert some.counts.people == len(some.people) + some.unknown
    assert bool(len(some.people)) is (text != "tier = none")


def test_a_segment_narrows_an_audience_file(crowded: House, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("".join(f"p{one}\n" for one in range(1, 200)), "utf-8")
    with Sitting(crowded) as desk:
        chosen = set(desk.screen(OFFERS, NOW, segment="tier = gold").people.tolist())
        both = desk.screen(OFFERS, NOW, tmp_path / "some.csv", segment="tier = gold")
    assert both.people.tolist() == sorted(chosen & set(range(1, 200)))
    assert both.unknown == 0


def test_a_sitting_notices_a_withdrawal_at_once(house: House, clock: Clock) -> None:
    taken(house, "shop", row(2, given(100)))
    with Sitting(house) as desk:
        assert desk.screen(OFFERS).counts.allowed == 1
        taken(house, "shop", row(2, given(100), said(Status.WITHDRAWN, 1)))
        assert desk.screen(OFFERS).counts.allowed == 0


def test_an_audience_file_that_changes_is_read_again(crowded: House, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    with Sitting(crowded) as desk:
        path.write_text("p1\n", "utf-8")
        assert desk.screen(OFFERS, NOW, path).people.tolist() == [1]
        path.write_text("p1\np2\n", "utf-8")
        assert desk.screen(OFFERS, NOW, path).people.tolist() == [1, 2]


def test_several_campaigns_are_each_what_they_are_alone(crowded: House) -> None:
    with Sitting(crowded) as desk:
        both = desk.campaigns((OFFERS, NEWS), NOW)
    alone = [screening.screen(crowded, one, NOW) for one in (OFFERS, NEWS)]
    assert all(same(one, other) for one, other in zip(both, alone, strict=True))
    sets = [set(one.allowed.tolist()) for one in alone]
    assert sitting.distinct(both) == {"any": len(sets[0] | sets[1]), "all": len(sets[0] & sets[1])}


def test_breakdowns_add_up_to_the_answer(crowded: House) -> None:
    with Sitting(crowded) as desk:
        result = desk.screen(OFFERS, NOW)
        caught, origins = desk.origins(OFFERS, NOW)
    ways = [
        comparing.by_country(caught, result),
        comparing.by_source(crowded, origins, result),
        comparing.by_age(caught, result),
    ]
    for shares in ways:
        assert sum(one.people for one in shares) == result.counts.people
        assert sum(one.allowed for one in shares) == result.counts.allowed
    assert {one.name for one in ways[0]} == {"DE", "GB", "FR", "NL", "ES", "AE", "US", "unknown"}
    assert {one.name for one in ways[1]} == {"shop (table 1)", "no_consent"}


def test_the_age_of_a_consent_is_counted_in_whole_steps(house: House) -> None:
    taken(
        house,
        "shop",
        *(row(line, given(days)) for line, days in enumerate((30, 31, 90, 365, 366, 731), 2)),
        row(9),
    )
    with Sitting(house) as desk:
        result = desk.screen(OFFERS, NOW)
        shares = comparing.by_age(desk.origins(OFFERS, NOW)[0], result)
    assert [(one.name, one.people) for one in shares] == [
        ("to_30_days", 1), ("to_90_days", 2), ("to_1_year", 1), ("to_2_years", 1), ("older", 1), ("no_consent", 1),
    ]  # fmt: skip  # one line for one list


# ---- differences ------------------------------------------------------------------------------------------------


def test_a_difference_is_what_two_answers_differ_in(crowded: House, tmp_path: Path) -> None:
    before, after = (screening.screen(crowded, OFFERS, at) for at in (NOW - 200 * DAY, NOW))
    screening.write(before, tmp_path / "before.parquet")
    found = comparing.since(after, tmp_path / "before.parquet")
    was, becomes = (dict(zip(one.people.tolist(), one.bits.tolist(), strict=True)) for one in (before, after))
    turned = [one for one in becomes if bool(was[one]) != bool(becomes[one])]
    assert found.people.tolist() == turned
    assert turned
    why = Counter(code for one in turned for code in decision.codes(was[one] or becomes[one]))
    told = Counter({one.code: one.people for one in found.to_no}) + Counter(
        {one.code: one.people for one in found.to_yes}
    )
    assert told == why
    assert (found.new, found.gone) == (0, 0)
    assert comparing.table(found).num_rows == sum(found.turned)


def test_whoever_is_in_one_answer_alone_is_new_or_gone(house: House, tmp_path: Path) -> None:
    taken(house, "shop", row(2, given(9)), row(3))
    screening.write(screening.screen(house, OFFERS, NOW), tmp_path / "before.parquet")
    taken(house, "crm", row(900, given(3)))
    (tmp_path / "some.csv").write_text("p2\np3\n", "utf-8")
    found = comparing.since(
        screening.screen(house, OFFERS, NOW, tmp_path / "some.csv"), tmp_path / "before.parquet"
    )
    assert (found.new, found.gone, found.turned) == (1, 1, (0, 0))


@pytest.mark.parametrize("content", [b"not parquet", b""])
def test_a_file_that_is_no_answer_is_refused(crowded: House, tmp_path: Path, content: bytes) -> None:
    result = screening.screen(crowded, OFFERS, NOW)
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(errors.BadInput):
        comparing.since(result, tmp_path / "x.parquet")
    parquet.write_table(pa.table({"person": [1]}), tmp_path / "y.parquet")
    with pytest.raises(errors.BadInput):
        comparing.since(result, tmp_path / "y.parquet")
    with pytest.raises(errors.NotFound):
        comparing.since(result, tmp_path / "z.parquet")


# ---- audience files ---------------------------------------------------------------------------------------------


def test_ids_addresses_and_numbers_may_stand_in_one_file(house: House, tmp_path: Path) -> None:
    taken(house, "shop", row(2), row(3), row(4))
    path = tmp_path / "some.csv"
    path.write_text(
        "E-Mail\np1\nP3@example.com,ignored\n+4915112000004\nstranger@example.com\np77\n", "utf-8"
    )
    result = screening.screen(house, OFFERS, NOW, path)
    assert (result.people.tolist(), result.unknown) == ([1, 2, 3], 2)


@pytest.mark.parametrize("entry", ["nobody at all", "x" * 400, "@nowhere.test"])
def test_an_entry_that_cannot_be_read_is_named_by_its_line_and_never_by_its_text(
    house: House, tmp_path: Path, entry: str
) -> None:
    (tmp_path / "some.csv").write_text(f"email\np1\n\n{entry}\n", "utf-8")
    with pytest.raises(errors.BadInput) as raised:
        screening.screen(house, OFFERS, NOW, tmp_path / "some.csv")
    assert "Line 4" in raised.value.what
    assert entry not in raised.value.sentence()


# ---- charts -----------------------------------------------------------------------------------------------------


@every(st.lists(st.tuples(st.text(max_size=8), st.integers(0, 10**9), st.integers(0, 10**9)), max_size=6))
def test_a_chart_is_sound_whatever_stands_in_it(drawn: list[tuple[str, int, int]]) -> None:
    made = [Bar(name, max(one, two), min(one, two), str(one)) for name, one, two in drawn]
    text = bars.svg("<Title>", made, direction="rtl")
    assert text.count("<rect") == 2 * len(made)
    assert "&lt;Title&gt;" in text
    widths = [float(part.split('"')[0]) for part in text.split('width="')[2:]]
    assert all(0 <= width <= bars.WIDTH for width in widths)
    assert np.all(np.diff([float(part.split('"')[0]) for part in text.split('<text x="')[1:]]) == 0)


def test_people_of_a_crowd_differ(crowded: House) -> None:
    assert len(crowd(seed=7, count=400)) == screening.screen(crowded, OFFERS, NOW).counts.people
