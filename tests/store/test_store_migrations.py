"""Migrations: old programs run on new schemas, new ones refuse old schemas, and a failure changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from store_world import OFFERS, Place, allowed, row, say, take

from amana import errors, wiring
from amana.core import facts
from amana.core.vocabulary import Status
from amana.services.gate.asking import Gate
from amana.services.keeping import audit
from amana.storage import engines, migrations, reading, tables
from amana.storage.database import Database

Maker = Callable[..., Place]
RECORD = {
    *("meta", "term", "source", "person", "point", "alias", "profile", "event", "tile", "checkpoint"),
    *("review", "suppression", "sent", "notice", "look", "alembic_version"),
}
"""The tables that revision 0001 makes."""

BROKEN = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("person", sa.Column("extra", sa.Text))
    op.execute("INSERT INTO half (id) VALUES (1)")
    raise RuntimeError("in the middle")
"""


def url_of(place: Place) -> str:
    return place.database or f"sqlite:///{place.folder / 'main.db'}"


@contextmanager
def connected(place: Place) -> Iterator[sa.Connection]:
    engine = engines.connect(url_of(place))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.fixture
def old(make_place: Maker) -> Place:
    """A database as revision 0001 left it."""
    place = make_place()
    place.folder.mkdir()
    at_revision(place, "0001")
    return place


def at_revision(place: Place, to: str) -> None:
    with connected(place) as connection:
        connection.exec_driver_sql("BEGIN")
        migrations.upgrade(connection, to)
        connection.exec_driver_sql("COMMIT")


def schema(place: Place) -> dict[str, list[tuple[str, str, bool]]]:
    """Every table with its columns: name, type, and whether a row may leave it out."""
    with connected(place) as connection:
        inspector = sa.inspect(connection)
        return {
            name: sorted(
                (
                    column["name"],
                    str(column["type"]),
                    bool(column["nullable"]) or column["default"] is not None,
                )
                for column in inspector.get_columns(name)
            )
            for name in sorted(inspector.get_table_names())
        }


def test_the_revisions_come_to_the_schema_that_a_new_workspace_is_made_with(
    old: Place, make_place: Maker
) -> None:
    Database.migrate(url_of(old))
    made = make_place("made").create()
    assert schema(old) == schema(made)
    with connected(old) as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, tables.metadata) == []
    assert migrations.revisions()[-1] == migrations.HEAD


def test_the_first_revision_is_the_record_and_the_next_ones_only_add(old: Place) -> None:
    first = schema(old)
    assert set(first) == RECORD
    held = first
    for revision in migrations.revisions()[1:]:
        at_revision(old, revision)
        later = schema(old)
        assert all(set(held[name]) <= set(later[name]) for name in held), revision
        added = {name: set(later[name]) - set(held[name]) for name in held}
        assert all(optional for columns in added.values() for _, _, optional in columns), revision
        assert set(later) >= set(held)
        held = later


def test_a_new_program_refuses_an_old_schema_and_names_the_command(place: Place, tmp_path: Path) -> None:
    with connected(place) as connection:
        connection.execute(tables.revision.update().values(version_num="0002"))
    with pytest.raises(errors.StoreOutdated, match="amana migrate"), place.opened():
        pass
    with pytest.raises(errors.StoreOutdated), wiring.copied(place.settings):
        pass


def test_a_database_without_a_revision_or_of_another_generation_is_refused(place: Place) -> None:
    with connected(place) as connection:
        connection.execute(tables.meta.update().where(tables.meta.c.name == "schema").values(value="2"))
    with pytest.raises(errors.StoreOutdated, match="generation"), place.opened():
        pass
    with connected(place) as connection:
        connection.execute(tables.meta.update().where(tables.meta.c.name == "schema").values(value="1"))
        connection.execute(tables.revision.delete())
    with pytest.raises(errors.StoreOutdated), place.opened():
        pass


def test_migrating_applies_what_is_pending_once(old: Place) -> None:
    assert Database.migrate(url_of(old)) == migrations.revisions()[1:]
    assert Database.migrate(url_of(old)) == []
    Database.open(url_of(old)).close()


def test_a_database_that_refuses_a_migration_says_so_and_stays(place: Place) -> None:
    with connected(place) as connection:  # what the last revisions add is there already
        connection.execute(tables.revision.update().values(version_num="0003"))
    before = schema(place)
    with pytest.raises(errors.StoreOutdated, match="nothing was changed"):
        Database.migrate(url_of(place))
    assert schema(place) == before


def test_a_migration_that_fails_in_the_middle_leaves_the_old_schema(place: Place, tmp_path: Path) -> None:
    folder = shutil.copytree(migrations.FOLDER, tmp_path / "migrations")
    (folder / "versions" / "r9999_broken.py").write_text(BROKEN.format(head=migrations.HEAD))
    before = schema(place)
    with pytest.raises(RuntimeError, match="in the middle"):
        Database.migrate(url_of(place), folder=folder)
    assert schema(place) == before
    with place.opened(writing=True) as house:  # and everything goes on
        take(house, tmp_path, [row(1)])
        assert allowed(house, 1) == [True]


def test_an_older_program_runs_on_a_newer_schema(place: Place, tmp_path: Path) -> None:
    """What revision 0001 knew, recorded and asked on today's schema, without a word to a later table."""
    with connected(place) as connection:  # a later release added something
        connection.execute(tables.revision.update().values(version_num="9999"))
        connection.exec_driver_sql("ALTER TABLE person ADD COLUMN later TEXT")
        connection.exec_driver_sql("CREATE TABLE later (id INTEGER PRIMARY KEY)")
    with place.opened(writing=True) as house:
        gate = Gate(house)
        plan = gate.plan(OFFERS, house.clock())
        gate.close()
        with only(house.database.engine, RECORD | {"registry"}):
            take(house, tmp_path, [row(1), row(2)])
            say(house, 1, Status.WITHDRAWN)
            reader = reading.Reader(house.database.engine)
            read = [reader.person(one, plan.question.cell, plan.ask.at, phone=False) for one in (1, 2)]
            reader.close()
        cell = plan.question.cell
        assert [bool(facts.binding_refusals(one.state, cell)) for one in read if one] == [True, False]
        audit.full(house)


@contextmanager
def only(engine: sa.Engine, names: set[str]) -> Iterator[None]:
    """Fail on a statement that names a table outside these."""
    others = {table.name for table in tables.metadata.sorted_tables} - names

    def check(_: object, __: object, statement: str, *___: object) -> None:
        words = {word.strip('"').split(".")[0] for word in statement.replace(",", " ").split()}
        assert not words & others, statement

    sa.event.listen(engine, "before_cursor_execute", check)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", check)


def test_rows_of_an_older_program_fit_today(old: Place, make_place: Maker) -> None:
    """Every table of revision 0001 takes rows that know only its columns of then."""
    then = schema(old)
    with connected(make_place("today").create()) as connection:
        for name in sorted(RECORD - {"alembic_version", "meta"}):
            known = {column for column, _, _ in then[name]}
            table = tables.metadata.tables[name]
            values = {column.name: _some(column) for column in table.columns if column.name in known}
            connection.execute(sa.table(name, *map(sa.column, values)).insert().values(values))
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() >= 1


def _some(column: sa.Column[object]) -> object:
    kind = column.type.python_type
    return {int: 900, str: "x", bytes: b"x" * 16, bool: False}[kind]
