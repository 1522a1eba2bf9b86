"""What a database refused, in our words.

Rule. By the server's own code, never by its sentence, which holds values: connection, time, locks and a server that is
full or going away are NotNow; rights, missing tables and columns, constraints and values that do not fit are
Undeliverable. A code that nobody knows is NotNow: it is tried again and then seen by a person. The driver's error
does not travel with ours, because it carries the statement's values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from amana import errors

_STATES_LATER = {
    "57014": "sql_timeout",
    "55P03": "sql_busy",
    "40001": "sql_busy",
    "40P01": "sql_busy",
}
_STATES_NEVER = {
    "42501": "sql_denied",
    "28000": "sql_denied",
    "28P01": "sql_denied",
    "3D000": "sql_no_database",
    "42P01": "sql_no_table",
    "42703": "sql_no_column",
    "25006": "sql_read_only",
}
_CLASSES_NEVER = {
    "22": "value_unfit",
    "23": "sql_constraint",
    "42": "sql_refused",
    "0A": "sql_refused",
    "44": "sql_constraint",
    "P0": "sql_refused",
}

_MYSQL_LATER = {
    1205: "sql_busy",
    1213: "sql_busy",
    1040: "sql_full",
    1203: "sql_full",
    1969: "sql_timeout",
    3024: "sql_timeout",
    1317: "sql_timeout",
}
_MYSQL_NEVER = {
    1044: "sql_denied",
    1045: "sql_denied",
    1142: "sql_denied",
    1143: "sql_denied",
    1227: "sql_denied",
    1290: "sql_read_only",
    1792: "sql_read_only",
    1049: "sql_no_database",
    1146: "sql_no_table",
    1054: "sql_no_column",
    1048: "sql_constraint",
    1062: "sql_constraint",
    1364: "sql_constraint",
    1451: "sql_constraint",
    1452: "sql_constraint",
    3819: "sql_constraint",
    4025: "sql_constraint",
    1264: "value_unfit",
    1265: "value_unfit",
    1292: "value_unfit",
    1366: "value_unfit",
    1406: "value_unfit",
    1644: "sql_refused",
    1064: "sql_refused",
}
_MYSQL_CONSTRAINT = re.compile(r"CONSTRAINT `([A-Za-z0-9_]{1,64})`")

_SQLITE_LATER = {
    "SQLITE_BUSY": "sql_busy",
    "SQLITE_LOCKED": "sql_busy",
    "SQLITE_FULL": "sql_full",
    "SQLITE_INTERRUPT": "sql_timeout",
    "SQLITE_CANTOPEN": "sql_unreachable",
    "SQLITE_IOERR": "sql_unreachable",
}
_SQLITE_NEVER = {
    "SQLITE_PERM": "sql_denied",
    "SQLITE_AUTH": "sql_denied",
    "SQLITE_READONLY": "sql_read_only",
    "SQLITE_CONSTRAINT": "sql_constraint",
    "SQLITE_MISMATCH": "value_unfit",
    "SQLITE_NOTADB": "sql_no_database",
    "SQLITE_CORRUPT": "sql_no_database",
    "SQLITE_ERROR": "sql_refused",
    "SQLITE_TOOBIG": "value_unfit",
}
_NAME = re.compile(r"[A-Za-z0-9_.]{1,128}")


@contextmanager
def told(place: str) -> Iterator[None]:
    """Says a database's refusals in our words; `place` is the collection, for the error."""
    try:
        yield
    except exc.NoSuchTableError:
        raise errors.Undeliverable("sql_no_table", got=place) from None
    except exc.DBAPIError as trouble:
        found: errors.AmanaError = _in_our_words(trouble, place)
    except exc.TimeoutError:
        found = errors.NotNow("sql_full", got=place)
    except exc.SQLAlchemyError:
        found = errors.Undeliverable("sql_refused", got=place)
    except (OverflowError, UnicodeError):  # a number or a text that the driver cannot write at all
        found = errors.Undeliverable("value_unfit", got=place)
    else:
        return
    raise found from None


def _in_our_words(trouble: exc.DBAPIError, place: str) -> errors.AmanaError:
    original = trouble.orig
    number = original.args[0] if original is not None and original.args else None
    if isinstance(number, int):
        return _mysql(number, str(original), place)
    state = getattr(original, "sqlstate", None)
    if isinstance(state, str):
        return _postgresql(state, original, place)
    name = getattr(original, "sqlite_errorname", None)
    if isinstance(name, str):
        return _sqlite(name, str(original), place)
    if isinstance(trouble, exc.DataError | exc.ProgrammingError | exc.NotSupportedError):
        return errors.Undeliverable("value_unfit", got=place)
    return errors.NotNow("sql_unreachable", got=place)


def _postgresql(state: str, original: object, place: str) -> errors.AmanaError:
    if state in _STATES_LATER:
        return errors.NotNow(_STATES_LATER[state], got=place)
    diagnosis = getattr(original, "diag", None)
    named = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "column_name", None)
    token = _STATES_NEVER.get(state) or _CLASSES_NEVER.get(state[:2])
    if token:
        return errors.Undeliverable(token, expected=place, got=_named(named))
    return errors.NotNow("sql_full" if state.startswith("53") else "sql_unreachable", got=place)


def _mysql(number: int, sentence: str, place: str) -> errors.AmanaError:
    if number in _MYSQL_NEVER:
        found = _MYSQL_CONSTRAINT.search(sentence)
        return errors.Undeliverable(
            _MYSQL_NEVER[number], expected=place, got=found[1] if found else str(number)
        )
    return errors.NotNow(_MYSQL_LATER.get(number, "sql_unreachable"), got=place)


def _sqlite(name: str, sentence: str, place: str) -> errors.AmanaError:
    main = "_".join(name.split("_")[:2])
    if main in _SQLITE_NEVER:
        _, _, columns = sentence.partition("constraint failed: ")  # names of columns, or of the check
        return errors.Undeliverable(_SQLITE_NEVER[main], expected=place, got=_named(columns or None))
    return errors.NotNow(_SQLITE_LATER.get(main, "sql_unreachable"), got=place)


def _named(name: str | None) -> str:
    """A constraint's or column's name where it looks like one."""
    first = (name or "").split(",")[0].strip()
    return first if _NAME.fullmatch(first) else ""
