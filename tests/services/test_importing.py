"""Imports: once, resumably, undoably; the same address is one person unless it is not; a No always wins."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from service_samples import OFFERS, TEXTS, order, reasons

from amana import errors
from amana.core import events
from amana.core.statements import PersonRow, Reject
from amana.core.vocabulary import Channel, Proof, Status
from amana.services.collection import imports
from amana.services.record import history
from amana.services.record.house import House
from amana.storage import people, register
from worlds.clock import DAY, NOW, Clock
from worlds.lists import at, given, row, said, taken

WITHDRAWN = said(Status.WITHDRAWN, at(NOW - 5 * DAY))
OPTED_OUT = said(Status.WITHDRAWN, None, reason="unsubscribe")


def population(house: House) -> int:
    with house.database.read() as connection:
        return people.count(connection)


def reviews(house: House) -> list[tuple[int, int, str]]:
    with house.database.read() as connection:
        return [(one.person, one.other, one.reason) for one in register.open_reviews(connection)]


def recorded(house: House) -> int:
    return imports_size(house.folder)


def imports_size(folder: Path) -> int:
    with sqlite3.connect(folder / "main.db") as connection:
        found = connection.execute("SELECT count(*) FROM event").fetchone()[0]
    connection.close()
    return int(found)


# ---- who a row is about -----------------------------------------------------------------------------------


def test_the_same_address_is_the_same_person_however_it_is_written(house: House) -> None:
    taken(house, "shop", row(1, email="Ann.Lee@Example.com"), row(2, email="ann.lee@example.com "))
    taken(house, "news", row(1, email="ann.lee@EXAMPLE.com"))
    assert population(house) == 1
    assert reviews(house) == []


def test_a_sources_own_id_is_the_same_person_in_that_source_alone(house: House) -> None:
    taken(house, "shop", row(1, id="7", email="ann@example.com"))
    taken(house, "shop", row(1, id="7", email="ann.new@example.com"))
    assert population(house) == 1
    taken(house, "news", row(1, id="7", email="ben@example.com"))
    assert population(house) == 2


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ({"name": "Ann Lee"}, {"name": "Ben Lee"}, "name"),
        ({"born": "1980-01-02"}, {"born": "1980-02"}, "age"),
        ({"town": "Ulm"}, {"guardian": "Carl Lee"}, "guardian"),
    ],
)
def test_people_who_share_an_address_and_differ_are_two_and_are_put_up_for_review(
    house: House, one: dict[str, str], other: dict[str, str], reason: str
) -> None:
    taken(
        house, "shop", row(1, email="family@example.com", **one), row(2, email="family@example.com", **other)
    )
    assert population(house) == 2
    assert reviews(house) == [(2, 1, reason)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": "Ann Lee"}, {"name": " LEE,  ann"}),
        ({"name": "Ann Lee"}, {}),
        ({"born": "1980"}, {"born": "1980-02-03"}),
        ({}, {"born": "1980-02-03"}),
        ({"name": "דנה כהן"}, {"name": "כהן דנה"}),
    ],
)
def test_what_is_unknown_or_only_written_differently_is_no_difference(
    house: House, one: dict[str, str], other: dict[str, str]
) -> None:
    taken(house, "shop", row(1, email="ann@example.com", **one), row(2, email="ann@example.com", **other))
    assert population(house) == 1


# ---- a No binds everybody who holds the address --------------------------------------------------------


@pytest.mark.parametrize("no_first", [True, False])
def test_a_no_binds_both_who_share_the_address_whether_it_came_before_or_after(
    house: House, no_first: bool
) -> None:
    ann = row(1, given(), email="family@example.com", name="Ann Lee")
    ben = row(2, WITHDRAWN, email="family@example.com", name="Ben Lee")
    taken(house, "shop", *((ben, ann) if no_first else (ann, ben)))
    assert population(house) == 2
    assert "withdrawn" in reasons(house, 1)
    assert "withdrawn" in reasons(house, 2)
    assert "withdrawn" in reasons(house, "family@example.com")


def test_a_known_person_who_comes_to_share_an_address_is_bound_by_its_noes(house: House) -> None:
    taken(house, "shop", row(1, given(), id="7", email="ann@example.com", name="Ann Lee"))
    taken(house, "news", row(1, WITHDRAWN, email="family@example.com", name="Ben Lee"))
    assert reasons(house, 1) == []
    taken(house, "shop", row(1, given(), id="7", email="family@example.com", name="Ann Lee"))
    assert "withdrawn" in reasons(house, 1)
    assert reviews(house) == [(1, 2, "address")]


def test_a_number_that_joins_two_addresses_brings_its_noes_along(house: House) -> None:
    stop = said(Status.WITHDRAWN, at(NOW - DAY), channel=Channel.SMS)
    taken(house, "shop", row(1, email="ann@example.com"), row(2, stop, phone="+4915112345678"))
    taken(house, "news", row(1, given(channel=Channel.SMS), email="ann@example.com", phone="+4915112345678"))
    assert "withdrawn" in reasons(house, 1, TEXTS)


def test_a_blocked_address_is_blocked_for_whoever_comes_to_hold_it(house: House) -> None:
    bounce = said(Status.UNKNOWN, at(NOW - DAY), purpose="*", point_blocked=True, reason="bounce_hard")
    taken(house, "shop", row(1, bounce, email="family@example.com", name="Ann Lee"))
    taken(house, "shop", row(1, given(), email="family@example.com", name="Ben Lee"))
    assert "contact_point_blocked" in reasons(house, 1)
    assert "contact_point_blocked" in reasons(house, 2)


def test_an_address_on_a_suppression_list_stays_a_no_for_a_newcomer(house: House) -> None:
    """Erasing also forgets the opt-out (peers' defect 2): the keyed hash outlives the person."""
    taken(house, "shop", row(1, email="first@example.com"))
    address = imports.Recogniser(house.keys, "x", house.workspace, house.address_rules)
    identity, _ = address.identify(row(1, email="gone@example.com"))
    assert identity is not None
    blinds = identity.addresses[0].suppress
    house.writing().write(lambda session: register.suppress(session.connection, blinds, "left", NOW))
    assert "suppressed" in reasons(house, "gone@example.com")
    taken(house, "shop", row(1, given(), email="gone@example.com"))
    assert "objected" in reasons(house, 2)


# ---- an import never re-subscribes ------------------------------------------------------------------------


@pytest.mark.parametrize("again", [given(at(NOW - DAY)), given(at(NOW)), given(None)])
def test_an_import_never_re_subscribes_somebody_who_left(house: House, again: object) -> None:
    """An import re-subscribes somebody who left (peers' defect 2)."""
    taken(house, "shop", row(1, given(at(NOW - 20 * DAY)), email="ann@example.com"))
    assert reasons(house, 1) == []
    taken(house, "shop", row(1, WITHDRAWN, email="ann@example.com"))
    taken(house, "elsewhere", row(1, again, email="ann@example.com"))  # type: ignore[arg-type]  # any statement will do
    assert "withdrawn" in reasons(house, 1)


def test_a_no_without_a_date_counts_from_the_beginning_until_now(house: House) -> None:
    taken(house, "shop", row(1, given(), email="ann@example.com"), row(2, OPTED_OUT, email="ann@example.com"))
    assert "withdrawn" in reasons(house, 1)
    newest = next(one.event for one in history.of_person(house, 1) if isinstance(one.event, events.Permission)
                  and one.event.status is Status.WITHDRAWN)  # fmt: skip  # one look-up
    assert newest.occurred == at(0, NOW)


def test_a_row_that_says_nothing_is_not_read_as_a_yes(house: House) -> None:
    """A CSV row without an action read as "subscribe" (peers' defect 11)."""
    taken(
        house, "shop", row(1, email="ann@example.com"), row(2, said(Status.UNKNOWN), email="ben@example.com")
    )
    assert reasons(house, 1) == reasons(house, 2) == ["consent_unknown"]


@pytest.mark.parametrize(
    "weak",
    [
        {"evidence": ""},
        {"statement": given(None)},
        {"statement": given(proof=Proof.CHANNEL_NAMED | Proof.UNTICKED)},
        {"statement": given(purpose="*")},
        {"statement": given(channel=None)},
    ],
    ids=["no evidence named for the list", "undated", "not demonstrable", "every purpose", "every channel"],
)
def test_a_yes_without_its_papers_is_unknown(house: House, weak: dict[str, object]) -> None:
    statement = weak.get("statement", given())
    taken(
        house, "bought", row(1, statement, email="ann@example.com"), evidence=weak.get("evidence", "papers")
    )  # type: ignore[arg-type]  # any statement will do
    assert reasons(house, 1) == ["consent_unknown"]


# ---- moments -------------------------------------------------------------------------------------------------


def rejected(report: imports.Report) -> list[list[str]]:
    if not report.rejects.exists():
        return []
    return list(csv.reader(report.rejects.read_text("utf-8").splitlines()))[1:]


def test_more_than_five_minutes_in_the_future_is_no_yes_and_still_a_no(house: House) -> None:
    soon, late = at(NOW + 300), at(NOW + 301)
    report = taken(
        house, "shop",
        row(1, given(soon), email="ann@example.com"),
        row(2, given(late), email="ben@example.com"),
        row(3, given(), said(Status.WITHDRAWN, late), email="carl@example.com"),
    )  # fmt: skip  # one person a line
    assert reasons(house, 1) == []
    assert reasons(house, 2) == ["consent_unknown"]
    assert "withdrawn" in reasons(house, 3)
    assert [(one[1], one[3]) for one in rejected(report)] == [("2", "future_date"), ("3", "future_date")]


def test_a_day_that_is_not_over_ends_now(house: House) -> None:
    taken(house, "shop", row(1, given(at(NOW - 100, NOW + 80_000)), email="ann@example.com"))
    assert reasons(house, 1) == []


def test_a_placeholder_date_of_long_ago_keeps_its_no_and_its_bounce(house: House) -> None:
    ages_ago = at(-2_208_988_800)  # 1900-01-01
    bounce = said(Status.UNKNOWN, ages_ago, point_blocked=True, reason="bounce_hard")
    taken(
        house, "shop",
        row(1, given(), said(Status.WITHDRAWN, ages_ago), email="ann@example.com"),
        row(2, given(), bounce, email="ben@example.com"),
    )  # fmt: skip  # one person a line
    assert "withdrawn" in reasons(house, 1)
    assert reasons(house, 2) == ["contact_point_blocked"]


def test_a_new_address_inherits_no_permission_even_of_a_row_without_an_address(house: House) -> None:
    taken(house, "shop", row(1, id="7", email="old@example.com"))
    taken(house, "shop", row(1, given(), id="7"))
    assert reasons(house, 1) == []
    taken(house, "shop", row(1, id="7", email="new@example.com"))
    assert reasons(house, 1) == ["contact_point_changed"]


# ---- once, resumably -----------------------------------------------------------------------------------------


def crowd(count: int) -> list[PersonRow | Reject]:
    """Rows of several kinds, each preceded by the loss of one of its values."""
    found: list[PersonRow | Reject] = []
    for line in range(2, count + 2):
        found.append(Reject(part="", line=line, column="when", reason="bad_date", whole_row=False))
        statement = OPTED_OUT if line % 3 == 0 else given()
        found.append(
            row(line, statement, id=str(line), email=f"p{line % 7}@example.com", name=f"Name {line % 5}")
        )
    return found


def answers(house: House) -> list[list[str]]:
    return [reasons(house, person) for person in range(1, population(house) + 1)]


def test_running_a_file_again_adds_nothing(house: House) -> None:
    first = taken(house, "shop", *crowd(20))
    size = recorded(house)
    again = taken(house, "shop", *crowd(20))
    assert (first.repeated, again.repeated) == (False, True)
    assert recorded(house) == size
    assert again.counts == first.counts


def test_the_same_content_next_week_adds_nothing(house: House, clock: Clock) -> None:
    taken(house, "shop", *crowd(20))
    size = recorded(house)
    clock.now += 7 * DAY
    again = taken(house, "shop", *crowd(20), digest="next week's file")
    assert not again.repeated
    assert again.counts["rows"] == 20
    assert recorded(house) == size


class StoppedError(Exception):
    """Somebody pulled the plug."""


@pytest.mark.parametrize(("batch", "stop_after"), [(1, 1), (1, 4), (2, 2), (3, 1), (3, 3), (7, 2)])
def test_a_stopped_import_goes_on_as_if_it_had_never_stopped(
    opening: Callable[..., House], batch: int, stop_after: int
) -> None:
    def stop(report: imports.Report) -> None:
        heard.append(report)
        if len(heard) == stop_after:
            raise StoppedError

    heard: list[imports.Report] = []
    whole, stopped = opening("whole"), opening("stopped")
    expected = imports.run(whole, order("shop", crowd(9)), batch=batch)
    with pytest.raises(StoppedError):
        imports.run(stopped, order("shop", crowd(9)), stop, batch=batch)
    resumed = imports.run(stopped, order("shop", crowd(9)), batch=batch)
    assert resumed.counts == expected.counts
    assert resumed.rejects.read_text() == expected.rejects.read_text()
    assert answers(stopped) == answers(whole)
    assert recorded(stopped) == recorded(whole)


def test_a_reader_that_fails_half_way_loses_nothing_that_was_taken(house: House) -> None:
    def failing(start: tuple[str, int] | None) -> Iterator[PersonRow | Reject]:
        yield from crowd(3)
        raise StoppedError

    with pytest.raises(StoppedError):
        imports.run(house, msgspec.structs.replace(order("shop", crowd(6)), rows=failing), batch=2)
    assert imports.run(house, order("shop", crowd(6)), batch=2).counts["rows"] == 6


# ---- undoing ---------------------------------------------------------------------------------------------------


def test_an_undone_import_loses_its_yeses_and_keeps_its_noes(house: House) -> None:
    taken(house, "shop", row(1, given(), email="ann@example.com"), row(2, WITHDRAWN, email="ben@example.com"))
    assert imports.undo(house, 1) == 2
    assert reasons(house, 1)[0] in {"consent_unknown", "residence_unknown"}
    assert "withdrawn" in reasons(house, 2)
    with pytest.raises(errors.Conflict, match="undone already"):
        imports.undo(house, 1)


def test_an_undone_file_may_come_again_as_a_new_generation(house: House) -> None:
    rows = [row(1, given(), email="ann@example.com"), row(2, WITHDRAWN, email="ben@example.com")]
    taken(house, "shop", *rows)
    imports.undo(house, 1)
    again = taken(house, "shop", *rows)
    assert (again.source, again.repeated) == (2, False)
    assert reasons(house, 1) == []
    imports.undo(house, 2)
    assert reasons(house, 1) != []
    assert "withdrawn" in reasons(house, 2)


def test_noes_go_only_with_a_reason_and_only_if_no_later_import_repeated_them(house: House) -> None:
    rows = [row(1, WITHDRAWN, email="ann@example.com")]
    taken(house, "shop", *rows)
    with pytest.raises(errors.BadInput, match="reason"):
        imports.undo(house, 1, also_refusals=True)
    taken(house, "shop", *rows, digest="next week's file")
    with pytest.raises(errors.Conflict, match="Later imports"):
        imports.undo(house, 1, also_refusals=True, reason="wrong column")
    assert "withdrawn" in reasons(house, 1)


def test_a_no_that_two_sources_say_stands_when_one_of_them_is_taken_back(house: House) -> None:
    for source in ("shop", "news"):
        taken(house, source, row(1, WITHDRAWN, email="ann@example.com"))
    imports.undo(house, 1, also_refusals=True, reason="wrong column")
    assert "withdrawn" in reasons(house, 1)


def test_noes_go_when_an_undo_says_so(house: House) -> None:
    taken(house, "shop", row(1, WITHDRAWN, email="ann@example.com"))
    imports.undo(house, 1, also_refusals=True, reason="wrong column")
    assert "withdrawn" not in reasons(house, 1)


def test_there_is_nothing_to_undo_in_an_import_that_never_was(house: House) -> None:
    with pytest.raises(errors.NotFound, match="no import 9"):
        imports.undo(house, 9)


# ---- refusals of the import itself ----------------------------------------------------------------------


def test_a_field_that_is_not_registered_stops_the_import_before_its_first_row(house: House) -> None:
    with pytest.raises(errors.UnregisteredField, match="shoe_size"):
        taken(house, "shop", row(1, email="ann@example.com"), fields=("shoe_size",))
    with pytest.raises(errors.NotFound, match="brand"):
        taken(house, "shop", row(1, email="ann@example.com"), brand="orchid")
    assert population(house) == 0


def test_rejects_name_line_column_and_reason_and_never_a_value(house: House) -> None:
    report = taken(
        house, "shop",
        Reject(part="", line=1, column="when", reason="bad_date", whole_row=False),
        row(2, email="not an address"),
        row(3, email="ann@example.com", phone="00000", born="32.13.1999", zone="Mars/Base"),
        row(4),
    )  # fmt: skip  # one row a line
    text = report.rejects.read_text()
    for value in ("not an address", "ann@", "00000", "32.13", "Mars"):
        assert value not in text
    assert [(one[1], one[2], one[4]) for one in rejected(report)] == [
        ("1", "when", "no"), ("2", "email", "no"), ("2", "", "yes"), ("3", "phone", "no"), ("4", "", "yes"),
        ("3", "born", "no"), ("3", "zone", "no"),
    ]  # fmt: skip  # in the order of the file
    assert report.rejects.stat().st_mode & 0o077 == 0
    assert report.counts["rejected_rows"] == 2
    assert reasons(house, 1, OFFERS) == ["age_unknown", "consent_unknown"]
