"""`amana map`: a mapping to begin with, guessed from a file's header.

Rule. A column is mapped only where its name leaves no doubt: an address, a number, an id, or a field that the workspace
registers. Everything else is written down as a comment, so that nothing is stored and nothing is dropped without a
decision: the import refuses a column until somebody maps or ignores it. What a status column's words mean is never
guessed; the words that the first rows hold are shown beside it, unless they might be somebody's own. A log of past sends
has a mapping and verbs of its own (`send_log_drafts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from amana.cli import draft_dates, paths, rendering, send_log_drafts, session
from amana.cli.session import JsonFlag, answer
from amana.connectors import sends
from amana.connectors.mapping import KIND as TABLE
from amana.connectors.rows import Layout
from amana.connectors.tables import Source
from amana.connectors.walk import columns
from amana.core import places
from amana.core.workspace import Workspace

MOST_WORDS = 8
LONGEST_WORD = 24
MOST_PLACES = 40
LONGEST_PLACE = 40

PERSON = {
    "email": (
        "email",
        "emailaddress",
        "mail",
        "mailaddress",
        "contactemail",
        "contactmail",
        "customeremail",
        "primaryemail",
        "workemail",
        "useremail",
        "buyeremail",
        "billingemail",
        "subscriberemail",
        "correo",
        "דואל",
        "אימייל",
        "البريدالإلكتروني",
        "อีเมล",
        "почта",
    ),
    "phone": (
        "phone",
        "phonenumber",
        "mobile",
        "mobilephone",
        "mobilenumber",
        "cell",
        "telephone",
        "tel",
        "phoneno",
        "mobileno",
        "cellphone",
        "contactphone",
        "customerphone",
        "billingphone",
        "telefon",
        "telefono",
        "téléphone",
        "טלפון",
        "נייד",
        "الهاتف",
        "الجوال",
        "โทรศัพท์",
        "телефон",
    ),
    "external_id": (
        "id",
        "customerid",
        "customernumber",
        "customerno",
        "clientid",
        "clientno",
        "contactno",
        "buyerid",
        "subscriberid",
        "recordid",
        "userid",
        "contactid",
        "externalid",
        "personid",
        "memberid",
        "leadid",
        "uuid",
    ),
}
"""Names that leave no doubt, without case, spaces and signs."""

MEANING = {
    "full_name": (
        "fullname",
        "name",
        "customername",
        "contactname",
        "clientname",
        "buyer",
        "buyername",
        "שם",
        "שםמלא",
        "الاسم",
        "ชื่อ",
        "имя",
    ),
    "birth_date": (
        "birthdate",
        "dateofbirth",
        "born",
        "geburtsdatum",
        "birthday",
        "dob",
        "תאריךלידה",
        "تاريخالميلاد",
        "วันเกิด",
        "датарождения",
    ),
    "residence": (
        "country",
        "countrycode",
        "residence",
        "countryofresidence",
        "shiptocountry",
        "shippingcountry",
        "deliverycountry",
        "billingcountry",
        "homecountry",
        "land",
        "pays",
        "país",
        "paese",
        "מדינה",
        "البلد",
        "ประเทศ",
        "страна",
    ),
    "region": ("region", "state", "province"),
    "zone": ("timezone", "zone"),
    "language": ("language", "locale", "lang", "שפה", "اللغة", "ภาษา", "язык"),
    "legal_form": ("legalform",),
    "guardian": ("guardian", "parent"),
}
"""Names of columns for what a registered field means."""

_STATUS = re.compile(
    r"consent|opt.?in|opt.?out|subscri|newsletter|permission|unsub|do.?not|gdpr|marketing|bounce|complain",
    re.I,
)
_WHEN = re.compile(r"date|time|_at$| at$| on$|created|updated|changed", re.I)
_FORM = re.compile(r"form\b|source|campaign|page|url|\bip\b|method|version|wording|text\b", re.I)
_ORDER = re.compile(r"order|purchase|bought|sale|invoice", re.I)
_PERSONAL = re.compile(r"@|\d{3,}")
_PARTS = re.compile(r"[^\W_]+")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What was guessed."""

    mapping: str  # the TOML text
    mapped: dict[str, str]  # column -> what it is
    open: tuple[str, ...]  # columns that somebody has to decide about; of a log, those that need not be read
    kind: str = TABLE  # table | sends: which mapping it is


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("map")(map_file)


def map_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The table: CSV, Excel, Parquet or a zip of CSV files.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write it here instead of showing it.")] = None,
    encoding: Annotated[
        str, typer.Option(help="How the text is encoded if not as UTF-8, such as windows-1252.")
    ] = "",
    json: JsonFlag = False,
) -> None:
    """Write a mapping to begin with, from a file's header; what is not certain is left for you."""
    if out is not None:
        paths.writable(out)
    with context.obj.house() as house:
        made = draft(Source(file, Layout(encoding=encoding)), house.workspace)
    if out is not None:
        out.write_text(made.mapping, "utf-8")
    answer(made, json=json, render=lambda one: _show(one, out))


def _show(made: Draft, out: Path | None) -> None:
    if out is None:
        typer.echo(made.mapping, nl=False)
    else:
        rendering.line(f"Wrote {out}")
    if made.kind == sends.KIND:
        rendering.note(
            "This looks like a log of past sends. Say in the mapping what each campaign was for, then: "
            f"`{session.program()} replay FILE --mapping … --source …`."
        )
        return
    rendering.note(
        f"{rendering.counted(len(made.mapped), 'column')} mapped; "
        f"{len(made.open)} for you to decide about: map or ignore each, and say what "
        "the words of the status columns mean. Then try it with "
        f"`{session.program()} import … --dry-run`."
    )


def draft(source: Source, workspace: Workspace) -> Draft:
    """A mapping for a source, as far as its header leaves no doubt. Raises BadInput for an unreadable file."""
    header = columns(source)
    person = _guess(header, PERSON)
    left = [name for name in header if name not in person.values()]
    fields = _fields(left, workspace)
    left = [name for name in left if name not in fields.values()]
    seen = draft_dates.seen(source)
    statuses = [
        name
        for name in left
        if _STATUS.search(name)
        and not (_WHEN.search(name) or _FORM.search(name) or draft_dates.holds(seen[name]))
    ]
    plain = {_plain(name): name for name in reversed(header)}
    log = send_log_drafts.recognised(plain, has_status=bool(statuses))
    if log is not None:
        return _of_log(source, log, person, draft_dates.guess(seen.values()), workspace)
    days = [
        name
        for name in left
        if name not in statuses and (_WHEN.search(name) or draft_dates.holds(seen[name]))
    ]
    words = {name: _words(seen[name]) for name in statuses}
    text = "\n".join(
        [
            *_opening(source, draft_dates.guess(seen.values())),
            *_person(person, workspace),
            *_field_lines(fields, [name for name in left if name not in statuses]),
            *_country_lines(fields, seen, workspace),
            *_status_lines(statuses, words, days, workspace),
            *_order_lines([name for name in days if _ORDER.search(name)], workspace),
        ]
    )
    mapped = {name: what for what, name in (person | fields).items()}
    return Draft(mapping=text + "\n", mapped=mapped, open=tuple(left))


def _of_log(
    source: Source,
    log: send_log_drafts.Log,
    person: dict[str, str],
    dates: draft_dates.Guess,
    workspace: Workspace,
) -> Draft:
    """The draft for a log of past sends."""
    opening = _source_lines(source, dates)
    text = send_log_drafts.written(log, person, opening, next(iter(workspace.purposes)), session.program())
    what = msgspec.structs.asdict(log)
    mapped = {name: kind for kind, name in (person | what).items() if name}
    left = tuple(name for name in columns(source) if name not in mapped)
    return Draft(mapping=text, mapped=mapped, open=left, kind=sends.KIND)


# ---- guessing ---------------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _guess(header: Iterable[str], names: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """What -> column, the first column that fits each."""
    found: dict[str, str] = {}
    for column in header:
        for what, known in names.items():
            if what not in found and _plain(column) in known:
                found[what] = column
                break
    return found


def _fields(header: Sequence[str], workspace: Workspace) -> dict[str, str]:
    """Registered field -> column, by the field's own name or by what it means."""
    names = {
        field: (_plain(field), *MEANING.get(definition.means, ()))
        for field, definition in workspace.fields.items()
    }
    return _guess(header, names)


def _words(cells: Sequence[str]) -> tuple[str, ...]:
    """The words of a status column, one for each without case; none where they may be somebody's own."""
    words: dict[str, str] = {}
    for cell in cells:
        words.setdefault(cell.casefold(), cell)
    return tuple(sorted(words.values())) if _safe(set(words.values())) else ()


def _nearest(column: str, days: Sequence[str]) -> str:
    """The column with dates whose name shares a word with a status column's, or none."""
    own = set(_PARTS.findall(column.casefold()))
    return next((day for day in days if own & set(_PARTS.findall(day.casefold()))), "…")


def _safe(words: set[str]) -> bool:
    return len(words) <= MOST_WORDS and all(
        len(word) <= LONGEST_WORD and not _PERSONAL.search(word) for word in words
    )


# ---- writing ----------------------------------------------------------------------------------------------------


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _key(text: str) -> str:
    return text if _BARE_KEY.fullmatch(text) else _quoted(text)


def _opening(source: Source, dates: draft_dates.Guess) -> list[str]:
    return [
        "# A mapping to begin with. Columns that are not certain stand in comments: map each, or list it here.",
        "ignore = []",
        *_source_lines(source, dates),
    ]


def _source_lines(source: Source, dates: draft_dates.Guess) -> list[str]:
    """The table `[source]`, with an empty line before and after it."""
    parts = source.parts()
    lines = [
        "",
        "[source]",
        '# zone = "Europe/Berlin"    # where the times without an offset were written; needed as soon as dates are read',
    ]
    if source.layout.encoding:
        lines.append(f"encoding = {_quoted(source.layout.encoding)}")
    if dates.certain:
        lines.append(f"dates = [{', '.join(map(_quoted, dates.certain))}]    # as the first rows write them")
    for choices in dates.doubtful:
        lines.append(
            f"# dates = [{_quoted(choices[0])}]    # or {_quoted(choices[1])}: the first rows fit both; say which"
        )
    if len(parts) > 1:
        lines.append(f"parts = [{', '.join(map(_quoted, parts))}]")
    return [*lines, ""]


def _person(person: dict[str, str], workspace: Workspace) -> list[str]:
    lines = ["[person]"]
    for what in ("external_id", "email", "phone"):
        lines.append(f"{what} = {_quoted(person[what])}" if what in person else f'# {what} = "…"')
    if "phone" in person:
        country = places.iso_country(workspace.organisation.country)
        lines.append(
            f'# phone_country = {{ constant = "{country}" }}    # if numbers without a country code are from there'
        )
    return [*lines, ""]


def _field_lines(fields: dict[str, str], left: Sequence[str]) -> list[str]:
    lines = ["[fields]", *(f"{_key(field)} = {_quoted(column)}" for field, column in fields.items())]
    if left:
        lines.append(
            "# Columns without a registered field: use them below, map them to a field, or ignore them above."
        )
        lines += [f"# … = {_quoted(column)}" for column in left]
    return [*lines, ""]


def _country_lines(
    fields: dict[str, str], seen: dict[str, tuple[str, ...]], workspace: Workspace
) -> list[str]:
    """The countries that a column names in words, with what is understood of them."""
    means = {field: definition.means for field, definition in workspace.fields.items()}
    column = next((column for field, column in fields.items() if means[field] == "residence"), None)
    words = set(seen[column]) if column is not None else set()
    if column is None or all(len(word) == 2 for word in words) or not _places(words):
        return []
    field = next(field for field, one in fields.items() if one == column)
    read = {word: places.country_of(word, workspace.organisation.languages) or "…" for word in sorted(words)}
    values = ", ".join(f"{_key(word)} = {_quoted(code)}" for word, code in read.items())
    return [
        "# Countries stand in words. A word with a code below is read as it is; if one has none, replace the line above",
        "# by this one, completed:",
        f"# {field} = {{ column = {_quoted(column)}, values = {{ {values} }} }}",
        "",
    ]


def _places(words: set[str]) -> bool:
    return len(words) <= MOST_PLACES and all(
        len(word) <= LONGEST_PLACE and not _PERSONAL.search(word) for word in words
    )


def _order_lines(days: Sequence[str], workspace: Workspace) -> list[str]:
    """A commented relationship where a column says when somebody bought."""
    if not days:
        return []
    purpose, definition = next(iter(workspace.purposes.items()))
    return [
        "",
        "# What customers bought may be evidence of a soft opt-in, if they could say no then and in every message:",
        "#",
        "# [[relationship]]",
        f"# purpose = {_quoted(purpose)}",
        f"# channel = {_quoted(definition.channels[0].value)}",
        f"# when = {_quoted(days[0])}",
        f'# where = [{{ column = {_quoted(days[0])}, is = "not empty" }}]',
        '# proof = ["own_collection", "sale_context", "similar_offer", "opt_out_at_collection", "opt_out_in_message"]',
    ]


def _status_lines(
    statuses: Sequence[str], words: dict[str, tuple[str, ...]], days: Sequence[str], workspace: Workspace
) -> list[str]:
    """One commented permission for each column that seems to hold a status."""
    purpose, definition = next(iter(workspace.purposes.items()))
    lines = [
        "# Permissions. A word that stands in no list is rejected, an empty cell says nothing. `when` is the column with",
        "# the date; a grant without date, `demonstrable` and --evidence becomes unknown. A refusal may leave out",
        "# purpose and channel: then it is for everything.",
    ]
    if days:
        lines.append(f"# Columns that seem to hold dates: {', '.join(map(_quoted, days))}")
    for column in statuses or ["…"]:
        found = ", ".join(map(_quoted, words.get(column, ()))) or "…"
        lines += [
            "#",
            "# [[permission]]",
            f"# purpose = {_quoted(purpose)}",
            f"# channel = {_quoted(definition.channels[0].value)}",
            f"# status = {{ column = {_quoted(column)}, given = [], refused = [] }}    # words seen: {found}",
            f"# when = {_quoted(_nearest(column, days))}",
            '# proof = ["demonstrable", "channel_named", "sender_named", "purpose_named"]    # what the form showed',
        ]
    return lines
