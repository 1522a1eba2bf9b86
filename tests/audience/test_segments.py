"""A segment chooses whom a plain filter over each person's record would choose, and says what it cannot read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from audience_samples import DEFINITION, NEWS, OFFERS, choose, crowd, given, row, said
from hypothesis import HealthCheck, settings
from hypothesis import given as every
from hypothesis import strategies as st

from amana import errors
from amana.columns.store import ColumnStore
from amana.core import facts, segment, state, workspace
from amana.core.segment import Joined, Node, Not, Test
from amana.core.vocabulary import Status
from amana.services.audience import attributes, cache, screening, segments
from amana.services.audience.sitting import Sitting
from amana.services.gate.asking import Gate
from amana.services.keeping import forget
from amana.services.record.house import House
from amana.storage import people
from worlds.clock import DAY, NOW, Clock
from worlds.lists import taken

Record = dict[str, Any]


def records(house: House) -> dict[int, Record]:
    """What a plain filter looks at: one record for each person, read off their state."""
    gate = Gate(house)
    cell = gate.terms.cell("orchard", "offers", "email")
    gate.close()
    found = {}
    with house.database.read() as connection:
        for person, held in people.changed_since(connection, 0):
            grant = facts.counting_grant(held, cell)
            off = held.choices.get("topics_off")
            found[person] = {
                "country": state.attribute(held, "residence"),
                "language": state.attribute(held, "language"),
                "interests": state.attribute(held, "interests"),
                "tier": state.attribute(held, "tier"),
                "off": off.value.split() if off else [],
                "last_grant": grant.lo if grant else None,
            }
    return found


def holds(node: Node, one: Record) -> bool:
    """The naive meaning of a segment for one person."""
    match node:
        case Not():
            return not holds(node.of, one)
        case Joined():
            return (all if node.op == "and" else any)(holds(part, one) for part in node.parts)
    assert isinstance(node, Test)
    if node.name == "topic":
        return node.values[0] not in one["off"]
    value = one[node.name]
    match node.op:
        case "known":
            return value not in (None, "")
        case "within":
            return value is not None and NOW - node.number < value <= NOW
        case "before":
            return value is not None and value < node.number
        case "after":
            return value is not None and value >= node.number + DAY
        case "has":
            return node.values[0].casefold() in [word.strip().casefold() for word in value.split(";")]
    return value != "" and value.casefold() in {one.casefold() for one in node.values}


def check_of(name: str, op: str, **more: Any) -> Test:
    return Test(name=name, op=op, **more)


TESTS = st.one_of(
    st.sampled_from(["DE", "fr", "NL", "XX"]).map(lambda word: check_of("country", "=", values=(word,))),
    st.lists(st.sampled_from(["de", "en", "RU"]), min_size=1).map(
        lambda words: check_of("language", "in", values=tuple(words))
    ),
    st.sampled_from(["garden", "Art", "books", "art;garden"]).map(
        lambda word: check_of("interests", "has", values=(word,))
    ),
    st.sampled_from(["art", "garden"]).map(lambda word: check_of("topic", "has", values=(word,))),
    st.sampled_from(["country", "language", "tier", "last_grant"]).map(lambda name: check_of(name, "known")),
    st.integers(1, 900).map(lambda days: check_of("last_grant", "within", number=days * DAY)),
    st.integers(1, 900).map(
        lambda days: check_of("last_grant", "before", number=(NOW - days * DAY) // DAY * DAY)
    ),
    st.integers(1, 900).map(
        lambda days: check_of("last_grant", "after", number=(NOW - days * DAY) // DAY * DAY)
    ),
)
NODES = st.recursive(
    TESTS,
    lambda parts: st.one_of(
        parts.map(lambda part: Not(of=part)),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(parts, min_size=2, max_size=4)).map(
            lambda made: Joined(op=made[0], parts=tuple(made[1]))
        ),
    ),
    max_leaves=8,
)


def written(node: Node) -> str:
    """A segment's text."""
    match node:
        case Not():
            return f"not ({written(node.of)})"
        case Joined():
            return f" {node.op} ".join(f"({written(part)})" for part in node.parts)
    assert isinstance(node, Test)
    match node.op:
        case "has":
            return f'{node.name}:"{node.values[0]}"'
        case "=":
            return f"{node.name} = {node.values[0]}"
        case "in":
            return f"{node.name} IN ({', '.join(node.values)})"
        case "known":
            return f"{node.name} is known"
        case "within":
            return f"{node.name} within {round(node.number / DAY)} days"
    return f"{node.name} {node.op} {datetime.fromtimestamp(node.number, UTC).date()}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@every(node=NODES)
def test_a_segment_chooses_whom_a_plain_filter_would(crowded: House, node: Node) -> None:
    found = ids(crowded, written(node))
    assert found == [person for person, one in records(crowded).items() if holds(node, one)]


def ids(house: House, text: str) -> list[int]:
    """Who is in a segment, by the columns."""
    with Sitting(house) as sitting:
        return sitting.screen(OFFERS, NOW, segment=text).people.tolist()


@every(node=NODES)
def test_a_segment_that_is_written_down_reads_back_as_the_same(node: Node) -> None:
    def flat(one: Node) -> Any:
        match one:
            case Not():
                return ("not", flat(one.of))
            case Joined():
                return (one.op, *map(flat, one.parts))
        return msgspec.structs.replace(one, place=0)

    assert flat(segment.parse(written(node))) == flat(node)


def test_not_binds_closer_than_and_and_and_closer_than_or() -> None:
    read = segment.parse("not tier = gold and country = DE or country = FR")
    assert isinstance(read, Joined)
    assert read.op == "or"
    assert isinstance(read.parts[0], Joined)
    assert isinstance(read.parts[0].parts[0], Not)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("", 1, "name of a field"),
        ("country", 8, "within"),
        ("country =", 10, "a word"),
        ("country = DE tier", 14, "and, or, or the end"),
        ("(country = DE", 14, ")"),
        ("country in DE", 12, "("),
        ("country in (DE FR)", 16, ")"),
        ("last_grant within ninety days", 19, "a number"),
        ("last_grant within 90 years", 22, "days"),
        ("last_grant before soon", 19, "2026-01-31"),
        ("country ~ DE", 9, "a word"),
        ("orders >= many", 11, "a number"),
        ("language is nice", 13, "known or unknown"),
        ("and country = DE", 1, "name of a field"),
        ("'country", 1, "a quoted text"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, place: int, expected: str) -> None:
    with pytest.raises(errors.BadInput) as raised:
        segment.parse(text)
    assert f"character {place}" in raised.value.what
    assert expected in (raised.value.expected or "")


def test_a_segment_that_is_nested_too_deeply_is_refused() -> None:
    for text in ("(" * 5_000, "(" * 60 + "country = DE" + ")" * 60, "not " * 60 + "country = DE"):
        with pytest.raises(errors.BadInput):
            segment.parse(text)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("faith = any", errors.BadInput, "special category"),
        ("name = Ada", errors.BadInput, "sealed"),
        ("shoe_size = 9", errors.NotFound, "no field"),
        ("intrests:garden", errors.NotFound, "no field"),
        ("topic:sport", errors.BadInput, "cannot be asked"),
        ("language within 9 days", errors.BadInput, "cannot be asked"),
        ("last_grant = 9", errors.BadInput, "cannot be asked"),
    ],
)
def test_what_nobody_can_be_chosen_by_is_refused_before_anybody_is_looked_at(
    crowded: House, text: str, error: type[errors.AmanaError], words: str
) -> None:
    with pytest.raises(error, match=words):
        segments.check(crowded, f"country = DE and {text}")


def test_nobody_can_be_chosen_by_a_field_that_the_workspace_calls_special(house: House) -> None:
    fields = dict(house.workspace.fields)
    fields["tier"] = msgspec.structs.replace(fields["tier"], special=True)
    house.workspace = msgspec.structs.replace(house.workspace, fields=fields)
    with pytest.raises(errors.BadInput, match="special category"):
        segments.check(house, "tier = gold")


def test_a_misspelt_field_is_answered_with_the_nearest(crowded: House) -> None:
    with pytest.raises(errors.NotFound, match="interests"):
        segments.check(crowded, "intrests:garden")


def test_a_missing_value_equals_nothing(crowded: House) -> None:
    everybody = set(records(crowded))
    assert set(ids(crowded, "language = ru")) | set(ids(crowded, "language != ru")) == everybody
    unknown = set(ids(crowded, "language is unknown"))
    assert unknown
    assert unknown <= set(ids(crowded, "language != ru"))
    assert not unknown & set(ids(crowded, "language in (de, en, fr, ru)"))


def test_a_number_is_compared_as_a_number(house: House) -> None:
    taken(house, "shop", row(2, tier="9"), row(3, tier="10"), row(4, tier="ten"), row(5))
    assert ids(house, "tier >= 10") == [2]
    assert ids(house, "tier < 10") == [1]


def test_a_country_is_the_same_in_both_of_its_spellings(house: House) -> None:
    taken(house, "shop", row(2, residence="GB"))
    assert ids(house, "country = GB") == ids(house, "country = UK") == ids(house, "residence in (gb)") == [1]


def test_a_saved_segment_goes_by_its_name(house: House) -> None:
    taken(house, "shop", row(2, tier="gold"), row(3, tier="silver"))
    text = DEFINITION + '\n[segments.best]\nwhere = "tier = gold"\n'
    house.workspace = workspace.read(text)
    assert ids(house, "best") == ids(house, "tier = gold") == [1]


def test_a_saved_segment_that_cannot_be_read_is_refused_with_its_name() -> None:
    with pytest.raises(errors.BadWorkspace, match=r"segments\.best"):
        workspace.read(DEFINITION + '\n[segments.best]\nwhere = "tier ="\n')


# ---- the columns behind it --------------------------------------------------------------------------------------


def test_what_changes_is_in_the_next_segment(house: House, clock: Clock) -> None:
    rows = crowd(seed=9, count=60)
    taken(house, "shop", *rows)
    with Sitting(house) as sitting:
        before = sitting.screen(OFFERS, segment="tier = gold and topic:art").people.tolist()
        clock.now += 60
        gone = before[0]
        choose(house, gone, topics_off=("art",))
        taken(house, "crm", row(900, tier="gold", email="new@example.com", phone=""))
        after = sitting.screen(OFFERS, segment="tier = gold and topic:art").people.tolist()
    assert set(before) - set(after) == {gone}
    assert set(after) - set(before) == {61}


def test_a_field_that_is_registered_later_is_read_from_the_record_anew(house: House) -> None:
    taken(house, "shop", row(2, tier="gold"))
    whole = house.workspace
    house.workspace = msgspec.structs.replace(
        whole, fields={name: one for name, one in whole.fields.items() if name != "tier"}
    )
    assert ids(house, "country = DE") == [1]
    house.workspace = whole
    assert ids(house, "tier = gold") == [1]


def test_the_facts_and_the_fields_share_a_cache_without_disturbing_each_other(house: House) -> None:
    taken(house, "shop", *crowd(seed=9, count=30))
    alone = screening.screen(house, OFFERS).bits.tolist()
    held = attributes.catch_up(house)
    screening.screen(house, NEWS)
    taken(house, "crm", row(900, tier="platinum", email="new@example.com", phone=""))
    assert screening.screen(house, OFFERS).bits.tolist()[:30] == alone
    again = attributes.catch_up(house)
    assert again.words["tier"][: len(held.words["tier"])] == held.words["tier"]
    assert "platinum" in again.words["tier"]
    assert {"words", "person"} <= set(ColumnStore(house.columns).manifest().groups)


def test_an_erased_person_is_in_no_segment_and_leaves_no_number_behind(house: House) -> None:
    taken(house, "shop", row(2, given(5), tier="gold"), row(3, given(5), tier="gold"))
    assert ids(house, "tier = gold") == [1, 2]
    forget.forget(house, [1])
    assert ids(house, "tier = gold") == [2]
    assert ids(house, "not tier = gold") == []
    column = attributes.column(attributes.catch_up(house).loaded, "word:tier", np.array([0, 1]))
    assert column.tolist()[0] == 0


def test_the_latest_moment_is_that_of_whatever_happened_last(house: House) -> None:
    taken(house, "shop", row(2, given(100), said(Status.WITHDRAWN, 40)), row(3))
    choose(house, 2, per_month=3)
    loaded = attributes.catch_up(house).loaded
    assert attributes.column(loaded, attributes.LATEST, np.array([0, 1])).tolist() == [NOW - 40 * DAY, NOW]


def test_the_source_of_a_grant_is_the_one_that_counts(house: House) -> None:
    first = taken(house, "shop", row(2, given(100)), row(3, said(Status.WITHDRAWN, 3)))
    cell = Gate(house).terms.cell("orchard", "offers", "email")
    loaded = attributes.origins(house, cell).loaded
    assert attributes.column(loaded, attributes.SOURCE, np.array([0, 1])).tolist() == [first.source, 0]
    assert cache.catch_up(house, cell).position == attributes.catch_up(house).position


def test_a_consent_that_comes_later_is_not_fresh_yet(house: House) -> None:
    taken(house, "shop", row(2, given(10)))
    with Sitting(house) as sitting:
        for at, people in ((NOW - 20 * DAY, []), (NOW, [1]), (NOW + 21 * DAY, [])):
            found = sitting.screen(OFFERS, at, segment="last_grant within 30 days")
            assert found.people.tolist() == people
