"""Requests with an id of a controller's: found through an index, those of an older program too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from store_world import Place

from amana.storage import engines, migrations, requests
from amana.storage.requests import RequestRow

DETAIL = '{"controller":"shop","id":"a7551968-d5d6-44b2-9831-815ac9017798"}'
LONG = '{"kept":"' + "x" * 9_000 + '"}'  # longer than an index of PostgreSQL takes
REQUEST = RequestRow(
    id=0,
    ref="R-7K3M-9QXD",
    person=1,
    kind="access",
    status="ready",
    via="opendsr",
    asker="person",
    brand="",
    language="en",
    proved=3,
    countries="DE",
    received=1,
    due=2,
    due_law="",
    extended=None,
    reminded=None,
    ended=None,
    outcome="",
    run=None,
    sealed=b"",
)


@pytest.fixture
def before(make_place: Callable[..., Place]) -> Place:
    """A database as the revision before left it."""
    place = make_place()
    place.folder.mkdir()
    with writing(place) as connection:
        migrations.upgrade(connection, "0009")
    return place


@contextmanager
def writing(place: Place) -> Iterator[sa.Connection]:
    engine = engines.connect(place.database or f"sqlite:///{place.folder / 'main.db'}")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()


def entered(connection: sa.Connection, ref: str, detail: str, lines: int = 3) -> None:
    number = requests.add(connection, REQUEST._replace(ref=ref))
    requests.log(connection, [(number, 1, "api:shop", requests.OUTER, detail)])
    requests.log(connection, [(number, 1, "amana", "kept", LONG)] * lines)


def test_a_request_of_an_older_program_is_found_without_reading_the_log(before: Place) -> None:
    with writing(before) as connection:  # with the old schema, as the old program did
        for number in range(2_000):
            entered(connection, f"R-0000-{number:04}", DETAIL.replace("a755", f"{number:04}"), lines=0)
        entered(connection, "R-7K3M-9QXD", DETAIL)
    with writing(before) as connection:
        migrations.upgrade(connection)
    with writing(before) as connection:
        found = requests.of_outer(connection, DETAIL)
        assert found is not None
        assert found.ref == "R-7K3M-9QXD"
        assert requests.of_outer(connection, "{}") is None
        assert "request_log_outer" in plan(connection, before)


def plan(connection: sa.Connection, place: Place) -> str:
    """How the database looks for an id."""
    said: list[str] = []

    def explained(conn: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
        del conn, cursor
        if statement.startswith("SELECT request.") and not said:
            said.append(statement)
            how = "EXPLAIN " if place.database else "EXPLAIN QUERY PLAN "
            parameters = rest[0]
            if place.database:
                connection.exec_driver_sql("ANALYZE request_log")
            said.extend(str(row) for row in connection.exec_driver_sql(how + statement, parameters))  # type: ignore[arg-type]  # as the driver had them

    sa.event.listen(connection, "before_cursor_execute", explained)
    try:
        requests.of_outer(connection, DETAIL)
    finally:
        sa.event.remove(connection, "before_cursor_execute", explained)
    return "\n".join(said[1:])


def test_what_an_older_program_writes_on_todays_schema_is_found_and_long_lines_fit(place: Place) -> None:
    with writing(place) as connection:
        entered(connection, "R-7K3M-9QXD", DETAIL)
        assert requests.of_outer(connection, DETAIL) is not None
