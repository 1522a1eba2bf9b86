"""Grounds: which fields of a row may go on a day, and by what right the others stay."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.core import grounds, traversal
from amana.core.data_map import Collection, DataType, Field, Keep, Plain, Row
from amana.core.grounds import Kept, Verdict

TAX = Keep(
    ground="tax",
    citation="AO § 147(3)",
    words="For the tax office.",
    fields=("invoice",),
    kept_for="P8Y",
    since="placed",
)
CLAIM = Keep(ground="claim", citation="GDPR art. 17(3)(e)", fields=("email",))
ORDERS = Collection(
    dataset="shop",
    name="orders",
    fields=(
        Field(path="id", type=DataType.INTEGER, primary_key=True),
        Field(path="placed", type=DataType.STRING),
        Field(
            path="email",
            type=DataType.STRING,
            categories=("user.contact.email",),
            purposes=("orders", "news"),
        ),
        Field(path="note", type=DataType.STRING, categories=("user.content",)),
        Field(path="title", type=DataType.STRING, categories=("system.operations",)),
        Field(path="invoice", type=DataType.OBJECT, categories=("user.financial",)),
        Field(path="invoice.name", type=DataType.STRING),
        Field(path="invoice.total", type=DataType.FLOAT, purposes=("orders",)),
    ),
    purposes=("orders",),
    keeps=(TAX, CLAIM),
)
ROW: Row = {"id": 1, "placed": "2020-03-31", "email": "a@example.com"}


def with_keeps(*keeps: Keep) -> Collection:
    return Collection(dataset="shop", name="orders", fields=ORDERS.fields, purposes=("orders",), keeps=keeps)


def goes(verdict: Verdict) -> list[str]:
    return [field.path for field in verdict.goes]


def kept(verdict: Verdict) -> list[tuple[str, str]]:
    return [(one.path, one.ground) for one in verdict.kept]


# ---- erasure ----------------------------------------------------------------------------------------------------


def test_every_personal_field_goes_where_nothing_keeps_it() -> None:
    verdict = grounds.erasure(with_keeps(), ROW, date(2021, 1, 1))
    assert goes(verdict) == ["email", "note", "invoice"]
    assert verdict.whole


def test_what_a_ground_covers_stays_and_the_ground_is_told() -> None:
    verdict = grounds.erasure(ORDERS, ROW, date(2021, 1, 1))
    assert goes(verdict) == ["note"]
    assert verdict.kept == (
        Kept(path="email", ground="claim", citation="GDPR art. 17(3)(e)"),
        Kept(
            path="invoice",
            ground="tax",
            citation="AO § 147(3)",
            words="For the tax office.",
            until=date(2028, 3, 31),
        ),
    )
    assert not verdict.whole


def test_a_ground_lives_on_its_last_day_and_not_on_the_next() -> None:
    assert ("invoice", "tax") in kept(grounds.erasure(ORDERS, ROW, date(2028, 3, 31)))
    assert goes(grounds.erasure(ORDERS, ROW, date(2028, 4, 1))) == ["note", "invoice"]


@pytest.mark.parametrize("placed", [None, "", "soon", True, ["2020-03-31", "soon"], -5])
def test_a_ground_whose_beginning_nobody_can_read_lives_and_says_so(placed: Plain) -> None:
    verdict = grounds.erasure(ORDERS, ROW | {"placed": placed}, date(2099, 1, 1))
    (tax,) = [one for one in verdict.kept if one.ground == "tax"]
    assert (tax.until, tax.dated) == (None, False)


@pytest.mark.parametrize(
    "placed", ["2020-03-31", "2020-03-31T23:00:00+02:00", 1585612800, ["2019-01-01", "2020-03-31"]]
)
def test_a_date_is_read_in_every_form_and_the_latest_of_several_counts(placed: Plain) -> None:
    verdict = grounds.erasure(ORDERS, ROW | {"placed": placed}, date(2021, 1, 1))
    assert verdict.kept[1].until == date(2028, 3, 31)


def test_a_ground_over_the_whole_row_keeps_every_field() -> None:
    verdict = grounds.erasure(with_keeps(Keep(ground="vital", citation="x")), ROW, date(2021, 1, 1))
    assert not goes(verdict)
    assert kept(verdict) == [("email", "vital"), ("note", "vital"), ("invoice", "vital")]


def test_an_object_goes_in_its_parts_where_a_ground_keeps_one_of_them() -> None:
    name = Keep(ground="tax", citation="x", fields=("invoice.name",))
    verdict = grounds.erasure(with_keeps(name), ROW, date(2021, 1, 1))
    assert goes(verdict) == ["email", "note", "invoice.total"]
    assert kept(verdict) == [("invoice.name", "tax")]


def test_a_ground_does_not_cover_a_field_whose_name_only_begins_alike() -> None:
    fields = (
        Field(path="mail", type=DataType.STRING, categories=("user",)),
        Field(path="mailing", type=DataType.STRING, categories=("user",)),
    )
    keep = Keep(ground="tax", citation="x", fields=("mail",))
    both = Collection(dataset="d", name="c", fields=fields, keeps=(keep,))
    assert goes(grounds.erasure(both, {}, date(2021, 1, 1))) == ["mailing"]


def test_only_the_categories_that_are_asked_for_go() -> None:
    verdict = grounds.erasure(with_keeps(), ROW, date(2021, 1, 1), ("user.contact",))
    assert goes(verdict) == ["email"]


def test_a_span_beyond_the_calendar_does_not_end() -> None:
    ever = Keep(ground="tax", citation="x", kept_for="P999Y", since="placed")
    verdict = grounds.erasure(with_keeps(ever), {"placed": "9900-01-01"}, date(2021, 1, 1))
    assert verdict.kept[0].until == date.max


# ---- a ground that ended ----------------------------------------------------------------------------------------


def after(
    collection: Collection,
    *,
    ended: tuple[str, ...] = (),
    living: tuple[str, ...] = (),
    today: date = date(2021, 1, 1),
    row: Row = ROW,
    system: tuple[str, ...] = (),
) -> list[str]:
    verdict = grounds.ended(
        collection, row, ended=ended, living_purposes=living, today=today, purposes=system
    )
    return goes(verdict)


def test_only_what_the_ended_purpose_alone_held_goes() -> None:
    assert after(with_keeps(), ended=("orders",), living=("news",)) == [
        "note",
        "invoice.name",
        "invoice.total",
    ]
    assert after(with_keeps(), ended=("news",), living=("orders",)) == []
    assert after(with_keeps(), ended=("news",)) == ["email"]
    assert after(with_keeps(), ended=("other",)) == []


def test_a_purpose_that_ended_does_not_hold_though_it_is_called_living() -> None:
    assert after(with_keeps(), ended=("orders", "news"), living=("orders",)) == [
        "email",
        "note",
        "invoice.name",
        "invoice.total",
    ]


def test_a_field_without_purposes_of_its_own_has_those_of_its_system() -> None:
    bare = Collection(dataset="d", name="c", fields=(Field(path="f", categories=("user",)),))
    assert after(bare, ended=("orders",), system=("orders",)) == ["f"]
    assert after(bare, ended=("orders",)) == []


def test_what_is_inside_an_object_has_the_objects_purposes_and_retention_unless_it_has_its_own() -> None:
    fields = (
        Field(path="o", type=DataType.OBJECT, categories=("user",), purposes=("news",), kept_for="P1Y"),
        Field(path="o.x", type=DataType.STRING),
        Field(path="o.y", type=DataType.STRING, purposes=("orders",), kept_for="P9Y"),
        Field(path="day", type=DataType.STRING),
    )
    held = Collection(dataset="d", name="c", fields=fields, purposes=("calls",), kept_since="day")
    row: Row = {"day": "2020-03-31"}
    day = date(2020, 4, 1)
    assert after(held, ended=("news",), living=("orders", "calls"), row=row, today=day) == ["o.x"]
    assert after(held, ended=("orders",), living=("news", "calls"), row=row, today=day) == ["o.y"]
    assert after(held, ended=("calls",), living=("news", "orders"), row=row, today=day) == []
    assert after(held, living=("news", "orders"), row=row, today=date(2022, 1, 1)) == ["o.x"]


def test_a_living_ground_keeps_what_an_ended_purpose_held() -> None:
    verdict = grounds.ended(ORDERS, ROW, ended=("orders",), living_purposes=("news",), today=date(2021, 1, 1))
    assert goes(verdict) == ["note"]
    assert kept(verdict) == [("invoice.name", "tax"), ("invoice.total", "tax")]


def test_retention_that_is_over_takes_a_field_though_its_purpose_lives() -> None:
    held = Collection(
        dataset="d",
        name="c",
        fields=(
            Field(path="a", categories=("user",)),
            Field(path="b", categories=("user",), kept_for="P5Y"),
            Field(path="day"),
        ),
        purposes=("orders",),
        kept_for="P1Y",
        kept_since="day",
    )
    row: Row = {"day": "2020-03-31"}
    assert after(held, living=("orders",), today=date(2021, 3, 31), row=row) == []
    assert after(held, living=("orders",), today=date(2021, 4, 1), row=row) == ["a"]
    assert after(held, living=("orders",), today=date(2025, 4, 1), row=row) == ["a", "b"]
    assert after(held, living=("orders",), today=date(2099, 4, 1), row={"day": None}) == []


# ---- laws -------------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "o", "o.x", "o.y")
PURPOSES = ("p", "q", "r")
SOME = st.sets(st.sampled_from(PURPOSES)).map(tuple)


@st.composite
def collections(draw: st.DrawFn) -> Collection:
    fields = tuple(
        Field(
            path=name,
            type=DataType.OBJECT if name == "o" else DataType.STRING,
            categories=("user.name",) if draw(st.booleans()) else (),
            purposes=draw(SOME),
        )
        for name in NAMES
    )
    keeps = tuple(
        Keep(
            ground="g",
            citation="c",
            fields=tuple(chosen),
            kept_for="P1Y" if dated else "",
            since="day" if dated else "",
        )
        for chosen, dated in draw(
            st.lists(st.tuples(st.sets(st.sampled_from(NAMES)), st.booleans()), max_size=2)
        )
    )
    day = Field(path="day", type=DataType.STRING)
    return Collection(dataset="d", name="c", fields=(*fields, day), keeps=keeps, purposes=draw(SOME))


DAYS = st.dates(date(2019, 1, 1), date(2023, 1, 1))
ROW_2020: Row = {"day": "2020-06-01"}


def covered(path: str, others: list[str]) -> bool:
    return any(path == one or path.startswith(one + ".") for one in others)


@given(collections(), DAYS)
def test_each_personal_leaf_goes_or_stays_and_never_both(collection: Collection, today: date) -> None:
    verdict = grounds.erasure(collection, ROW_2020, today)
    gone, stays = goes(verdict), [one.path for one in verdict.kept]
    personal = [field.path for field in traversal.chosen(collection, ("user",))]
    for leaf in ("a", "b", "o.x", "o.y"):
        assert covered(leaf, gone) + covered(leaf, stays) == covered(leaf, personal)
    grounds_now = grounds.living(collection, ROW_2020, today)
    for path in gone:
        assert not any(not one.keep.fields or covered(path, list(one.keep.fields)) for one in grounds_now)


@given(collections(), DAYS, st.integers(0, 1_000))
def test_what_may_go_on_a_day_may_go_on_every_later_day(
    collection: Collection, today: date, days: int
) -> None:
    now = goes(grounds.erasure(collection, ROW_2020, today))
    later = goes(grounds.erasure(collection, ROW_2020, today + timedelta(days=days)))
    assert all(covered(path, later) for path in now)


@given(collections(), DAYS, SOME, SOME)
def test_an_ended_ground_never_takes_more_than_erasure_or_what_another_purpose_holds(
    collection: Collection, today: date, ended: tuple[str, ...], living: tuple[str, ...]
) -> None:
    verdict = grounds.ended(collection, ROW_2020, ended=ended, living_purposes=living, today=today)
    whole = goes(grounds.erasure(collection, ROW_2020, today))
    by_path = {field.path: field for field in collection.fields}
    for path in goes(verdict):
        assert covered(path, whole) or path == "o"
        own = (
            by_path[path].purposes
            or (by_path["o"].purposes if path.startswith("o.") else ())
            or collection.purposes
        )
        assert set(own) & set(ended)
        assert not set(own) & (set(living) - set(ended))
    less = grounds.ended(collection, ROW_2020, ended=ended, living_purposes=(*living, *PURPOSES), today=today)
    assert set(goes(less)) <= set(goes(verdict))
