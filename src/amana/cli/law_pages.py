"""One page for each country: the law book as somebody reads it who will never run the program.

Rule. The pages of docs/law are this text and nothing else; a test holds them to the packs. Rows are shown with the days
for which they speak, whatever today is. What counsel has not confirmed carries the mark `unconfirmed`; conditions that
nothing here keeps are said to be the sender's to keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from amana.cli import wording
from amana.core.pack_values import NOT_ENFORCED, Addition, Condition, Dated, Marked, Period, Row
from amana.core.packs import Jurisdiction, LawBook, LawException
from amana.core.remedies import proof_names
from amana.core.vocabulary import Channel, SubjectType
from amana.services.law_book import law
from amana.services.law_book.law import CapsShown, QuietShown, RegistryShown

INDEX = "README.md"


def pages(book: LawBook) -> dict[str, str]:
    """All pages by file name."""
    found = {f"{code}.md": page(book, code) for code in book.codes()}
    return {INDEX: _index(book)} | found


def page(book: LawBook, code: str) -> str:
    """The page of one country or region."""
    place = book.jurisdiction(code)
    parts = [
        _head(book, place),
        _rows(book, code),
        _exceptions(book, code),
        _registries(place),
        _pace(place),
        _ages(place),
        _messages(place),
        _told(place),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


# ---- words that the command shares ------------------------------------------------------------------------------


def span(text: str) -> str:
    """`P12M` as `12 months`."""
    for letter, word in (("M", "month"), ("D", "day")):
        number = text.removeprefix("P").removesuffix(letter)
        if text.endswith(letter) and number.isdigit():
            return f"{number} {word}{'' if number == '1' else 's'}"
    return text


def hours(quiet: QuietShown) -> str:
    """Allowed hours in one line."""
    days = (
        ("Monday to Friday", quiet.weekday),
        ("Saturday", quiet.saturday),
        ("Sunday", quiet.sunday),
        ("public holidays", quiet.holiday),
    )
    return "; ".join(f"{day} {', '.join(times) or 'closed'}" for day, times in days)


def limits(caps: CapsShown) -> str:
    """Limits of frequency in one line."""
    spans = (
        ("in a day", caps.per_day),
        ("in seven days", caps.per_week),
        ("in thirty days", caps.per_month),
    )
    return ", ".join(f"{most} {name}" for name, most in spans if most is not None)


def registry(need: RegistryShown) -> str:
    """How a registry counts, in one line."""
    lifts = "nothing lifts an entry"
    if need.lifted_by_consent:
        lifts = "a valid consent lifts an entry" + (", an exception too" if need.lifted_by_exception else "")
    return f"a copy not older than {span(need.max_age)}; {lifts}"


# ---- parts of a page --------------------------------------------------------------------------------------------


def _index(book: LawBook) -> str:
    rows = [
        f"| [{one.name}]({code}.md) | {one.modelled_from} | {len(_own_rows(book, code))} "
        f"| {sum(1 for row in _own_rows(book, code) if not row.confirmed)} | {one.regulator} |"
        for code in book.codes()
        for one in (book.jurisdiction(code),)
    ]
    members = ", ".join(code for code in book.members() if code not in book.codes())
    lines = [
        "# The law book",
        "",
        f"Version {book.version}. {book.notice}",
        "",
        "Made by `amana law page` from the packs in `src/amana/data/law`; see [how to read it](../law.md).",
        "",
        "| place | modelled from | rows | of them not yet confirmed by counsel | regulator |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"Members of the European Union without a page of their own ({members}) are the union's page with their own "
        "age of consent.",
    ]
    return "\n".join(lines) + "\n"


def _head(book: LawBook, place: Jurisdiction) -> str:
    lines = [
        f"# {place.name} ({place.code})",
        "",
        f"Law book {book.version}. {book.notice}",
        "",
        f"- Modelled from {place.modelled_from}; an earlier day has no known law, and unknown law means no.",
        f"- Regulator: {place.regulator}",
        f"- Instruments: {'; '.join(place.instruments)}",
    ]
    if place.parent:
        lines.append(f"- What this page does not say is said by [{place.parent}]({place.parent}.md).")
    for title, said in (("Changes", place.changes), ("What counsel should look at first", place.doubts)):
        if said:
            lines += ["", f"{title}:", "", *(f"- {one}" for one in said)]
    return "\n".join(lines)


def _rows(book: LawBook, code: str) -> str:
    text = wording.english()
    rows = _own_rows(book, code)
    if not rows:
        return ""
    lines = [
        "## What a contact needs",
        "",
        "| row | channels | to | basis | days | |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row.id} | {_channels(row.channels)} | {_subjects(row.subjects)} | "
            f"{text.basis[row.basis.name.lower()]} | {_days(row)} | {_doubt(row)} |"
            for row in rows
        ),
    ]
    for row in rows:
        lines += ["", f"### {row.id}", "", *_row_lines(row)]
    return "\n".join(lines)


def _row_lines(row: Row) -> Iterator[str]:
    text = wording.english()
    yield f"- Source: {row.citation}{_mark(row)}"
    if row.note:
        yield f"- Note: {row.note}"
    if row.otherwise is not None:
        yield f"- Unless its conditions are shown to be met: {text.basis[row.otherwise.name.lower()]}"
    for sector, basis in sorted(row.sectors.items()):
        yield f"- Senders in {_plain(sector)}: {text.basis[basis.name.lower()]}"
    if row.proof:
        yield f"- A consent must show: {_proofs(int(row.proof))}"
    if row.double_opt_in != "none":
        yield f"- Double opt-in: {_plain(row.double_opt_in)}"
    if row.consent_life:
        yield f"- A consent lasts {_span(row.consent_life)}"
    if row.needs_assessment:
        yield "- An assessment of legitimate interest must be on file"
    if row.exceptions:
        yield f"- Without consent, by: {', '.join(row.exceptions)}"
    if row.registries:
        yield f"- Registries to consult: {', '.join(row.registries)}"
    yield from _condition_lines(row.conditions)
    for one in row.additions:
        yield from _addition_lines(one)


def _addition_lines(one: Addition) -> Iterator[str]:
    about = [f"from {one.effective_from}"] if one.effective_from else []
    about += [_channels(one.channels)] if one.channels is not None else []
    about += [_subjects(one.subjects)] if one.subjects is not None else []
    added = [f"proof: {_proofs(int(one.proof))}"] if one.proof else []
    added += [f"a consent lasts {_span(one.consent_life)}"] if one.consent_life else []
    added += ["an assessment must be on file"] if one.needs_assessment else []
    added += [f"{_plain(name)}: {basis.name.lower()}" for name, basis in sorted(one.sectors.items())]
    added += [_plain(condition.token) for condition in one.conditions]
    source = f" ({one.citation})" if one.citation else ""
    yield f"- Added {', '.join(about) or 'always'}: {'; '.join(added) or one.note}{source}"


def _exceptions(book: LawBook, code: str) -> str:
    own = [one for one in book.exceptions() if one.id.rpartition(".")[0] == code]
    if not own:
        return ""
    lines = ["## Exceptions"]
    for one in own:
        lines += ["", f"### {one.id}", "", *_exception_lines(one)]
    return "\n".join(lines)


def _exception_lines(one: LawException) -> Iterator[str]:
    yield f"- Kind: {one.kind.value}; days: {_days(one)}"
    yield f"- Source: {one.citation}{_mark(one)}"
    if one.note:
        yield f"- Note: {one.note}"
    if one.channels is not None:
        yield f"- Channels: {_channels(one.channels)}"
    if one.subjects is not None:
        yield f"- To: {_subjects(one.subjects)}"
    if one.proof_needed:
        yield f"- Must be on record: {_proofs(int(one.proof_needed))}"
    if one.life:
        yield f"- Its evidence counts for {_span(one.life)}"
    if one.collected_from:
        yield f"- Evidence from before {one.collected_from} does not count"
    if one.max_messages is not None:
        yield f"- Messages: at most {one.max_messages}"
    if one.needs_assessment:
        yield "- An assessment of legitimate interest must be on file"
    yield from _condition_lines(one.conditions)


def _registries(place: Jurisdiction) -> str:
    if not place.registries:
        return ""
    lines = ["## Registries", ""]
    for one in place.registries:
        if one.voluntary:
            told = "self-regulation: no row makes one consult it"
        else:
            need = one.need()
            told = registry(
                RegistryShown(
                    name=one.id,
                    max_age=law.span(need.max_age),
                    lifted_by_consent=need.lifted_by_consent,
                    lifted_by_exception=need.lifted_by_consent and need.lifted_by_exception,
                )
            )
        lines.append(f"- {one.id}: {told}. {_days(one)}. {one.citation}{_mark(one)}{_note(one)}")
    return "\n".join(lines)


def _pace(place: Jurisdiction) -> str:
    lines = [
        f"- {_channels(one.channels)}: {hours(law.quiet_shown(one))}. {_days(one)}. "
        f"{one.citation}{_mark(one)}{_note(one)}"
        for one in place.quiet
    ]
    lines += [
        f"- {_channels(one.channels)}: at most {limits(law.caps_shown(one))}. {_days(one)}. "
        f"{one.citation}{_mark(one)}{_note(one)}"
        for one in place.caps
    ]
    return "\n".join(["## Hours and frequency", "", *lines]) if lines else ""


def _ages(place: Jurisdiction) -> str:
    lines = [
        f"- {one.consent_age} to consent alone"
        + (f"; nobody below {one.never_below} is marketed to" if one.never_below else "")
        + f". {_days(one)}. {one.citation}{_mark(one)}{_note(one)}"
        for one in place.ages
    ]
    lines += [
        f"- {code}: {one.consent_age}. {one.citation}{_mark(one)}"
        for code, one in sorted(place.members.items())
    ]
    return "\n".join(["## Age", "", *lines]) if lines else ""


def _messages(place: Jurisdiction) -> str:
    lines = []
    for one in place.messages:
        channels = "every channel" if one.channels is None else _channels(one.channels)
        asks = "; ".join(_plain(condition.token) for condition in one.requires)
        lines.append(f"- {channels}: {asks}. {_days(one)}. {one.citation}{_mark(one)}{_note(one)}")
    return "\n".join(["## What a message must carry", "", *lines]) if lines else ""


def _told(place: Jurisdiction) -> str:
    lines = [
        f"- {_plain(one.kind)}: {one.words} {one.citation}{_mark(one)}{_note(one)}" for one in place.deadlines
    ]
    lines += [
        f"- {_plain(one.topic)}: {one.words} {one.citation}{_mark(one)}{_note(one)}" for one in place.facts
    ]
    return "\n".join(["## Deadlines and facts", "", *lines]) if lines else ""


# ---- words ------------------------------------------------------------------------------------------------------


def _own_rows(book: LawBook, code: str) -> list[Row]:
    return [row for row in book.rows() if row.jurisdiction == code]


def _condition_lines(conditions: Iterable[Condition]) -> Iterator[str]:
    kept = [one.token for one in conditions if one.enforced != NOT_ENFORCED]
    left = [one.token for one in conditions if one.enforced == NOT_ENFORCED]
    if kept:
        yield f"- Kept here: {'; '.join(map(_plain, kept))}"
    if left:
        yield f"- Yours to keep, not enforced here: {'; '.join(map(_plain, left))}"


def _channels(channels: frozenset[Channel] | None) -> str:
    if channels is None or channels == frozenset(Channel):
        return "every channel"
    text = wording.english()
    return ", ".join(text.channel[one.value] for one in Channel if one in channels)


def _subjects(subjects: frozenset[SubjectType]) -> str:
    if subjects == frozenset(SubjectType):
        return "everybody"
    return ", ".join(_plain(one.value) for one in SubjectType if one in subjects)


def _days(dated: Dated) -> str:
    if dated.effective_from and dated.effective_to:
        return f"{dated.effective_from} to {dated.effective_to}"
    if dated.effective_from:
        return f"from {dated.effective_from}"
    return f"until {dated.effective_to}" if dated.effective_to else "always"


def _doubt(marked: Marked) -> str:
    return "" if marked.confirmed else "unconfirmed"


def _mark(marked: Marked) -> str:
    doubt = f"{marked.mark.value}, {marked.confidence.value}"
    return "" if marked.confirmed else f" *(unconfirmed: {doubt})*"


def _note(marked: Marked) -> str:
    return f" {marked.note}" if marked.note else ""


def _proofs(bits: int) -> str:
    return wording.english().proofs(proof_names(bits))


def _span(period: Period) -> str:
    return span(law.span(period))


def _plain(token: str) -> str:
    return token.replace("_", " ")
