"""The words of the evidence page: tokens and counts of a request's log, as sentences that an officer reads.

Rule.
- Every line of a request's log is a sentence in the reader's language; a number in it takes the form that the language
  asks for, a moment is a date. The exact tokens stand in `evidence.json` beside the page.
- A token that no catalogue knows (a trouble of one kind of system) is shown as its own words, never left out. A line of a
  kind that is not known is told by its word and its details, each by name: nothing that happened is missing.
- A catalogue has exactly the keys of the English one and all plural forms of its language; it is checked whole when it is
  first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from markupsafe import Markup, escape

from amana.core import plurals
from amana.services.record import verify_page, wording
from amana.services.rights import copy_words
from amana.services.rights.copy_words import Words

OURS = "amana"


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language's words."""

    via: dict[str, str]
    asker: dict[str, str]
    level: dict[str, str]  # of proof
    action: dict[str, str]  # of a step
    outcome: dict[str, str]  # and status, while there is none
    line: dict[str, str]  # sentences, by what happened
    template: dict[str, str]  # messages to the person
    why: dict[str, str]  # grounds and troubles
    word: dict[str, str]
    counted: dict[str, dict[str, str]]


class Speaker:
    """One language."""

    def __init__(self, words: Words, catalogue: Catalogue, labels: Mapping[str, str] | None = None) -> None:
        self.words, self.catalogue, self.labels = words, catalogue, dict(labels or {})

    def calling(self, labels: Mapping[str, str]) -> Speaker:
        """The same, which calls systems by the labels of a data map; one without a label by its name."""
        return Speaker(self.words, self.catalogue, labels)

    def counted(self, key: str, number: int) -> str:
        """A count with its noun, or a sentence about a number."""
        return plurals.chosen(self.words.language, self.catalogue.counted[key], number).format(number=number)

    def named(self, table: str, token: str) -> str:
        """A token of a closed set; one that is not known as its own words."""
        found: dict[str, str] = getattr(self.catalogue, table)
        return found.get(token) or token.replace("_", " ")

    def why(self, ground: str) -> str:
        """A ground: `shop:not_done crm:no_key` is what happened in each, `not_told:no_mail` one after the other."""
        parts = (
            ": ".join(self.named("why", one) for one in part.split(":") if one) for part in ground.split()
        )
        return "; ".join(parts)

    def entry(self, what: str) -> str:
        """What an entry of the signed log is, by its status or kind."""
        return verify_page.event_named(self.words.language, what)

    def who(self, actor: str) -> str:
        """Who did something: a name as it is recorded, or the program."""
        return self.catalogue.word["machine"] if actor == OURS else actor

    def place(self, system: str, node: str) -> str:
        """A collection of a system, or the system; the organisation's own record, where it is ours."""
        if system == OURS:
            return self.catalogue.word["ours"]
        name = self.labels.get(system) or system
        return f"{name} · {node}" if node else name

    def happened(self, line: Mapping[str, Any]) -> Markup:
        """A line of a request's log as a sentence, as HTML with escaped and isolated parts."""
        sentences, what = self.catalogue.line, str(line["what"])
        match what:
            case "decided":
                return self._filled("decided_go" if line.get("go") else "decided_no", line)
            case "kept":
                stays = Markup("; ").join(self._stays(one) for one in line["kept"])
                return self._put("kept", {"place": self.place(line["system"], line["node"]), "kept": stays})
            case "manual_recorded":
                return self._filled(f"manual_{line['progress']}", line)
            case _ if what in sentences:
                return self._filled(what, line)
        details = (f"{name}: {_plain(one)}" for name, one in _details(line))
        return escape(", ".join([what.replace("_", " "), *details]))

    def _filled(self, key: str, line: Mapping[str, Any]) -> Markup:
        """A sentence with its places filled from a line."""
        told = {name: self._value(name, value) for name, value in line.items()}
        if "system" in line:
            told["place"] = self.place(str(line["system"]), str(line.get("node", "")))
        if "late" in line:
            told["late"] = self.catalogue.line["late" if line["late"] else "in_time"]
        return self._put(key, told)

    def _put(self, key: str, parts: Mapping[str, str]) -> Markup:
        """A sentence with its parts isolated; a place that there is nothing for is a dash."""
        isolated = {name: Markup("<bdi>{}</bdi>").format(part) for name, part in parts.items()}
        return Markup(escape(self.catalogue.line[key])).format_map(_Dashes(isolated))  # noqa: S704  both are escaped

    def _value(self, name: str, value: Any) -> str:
        if name in ("entries", "rows", "steps"):
            return self.counted(name, len(value) if isinstance(value, list | tuple) else int(value))
        if name in ("until", "due") and isinstance(value, int):
            return self.words.moment(value)
        if name in ("ground", "why"):
            return self.why(str(value))
        if name in ("via", "asker", "level", "outcome", "template"):
            return self.named(name, str(value))
        return _plain(value)

    def _stays(self, kept: Mapping[str, Any]) -> Markup:
        key = "stays_until" if kept.get("until") else "stays_by" if kept.get("citation") else "stays"
        parts = {
            "field": kept.get("path") or self.catalogue.line["everything"],
            "rows": self.counted("rows", int(kept.get("rows", 0))),
            "ground": self.words.ground(str(kept["ground"])),
            "citation": kept.get("citation", ""),
            "until": kept.get("until", ""),
        }
        return self._put(key, parts)


class _Dashes(dict[str, str]):
    """Places of a sentence; one that is not there is a dash."""

    def __missing__(self, _: str) -> str:
        return "–"


@cache
def of(language: str) -> Speaker:
    """The words of a language. Raises BadInput if its catalogue is not complete."""
    words = copy_words.of(language)
    return Speaker(words, wording.words(Catalogue, "evidence", words.language))


def _details(line: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((name, value) for name, value in line.items() if name not in ("at", "actor", "what"))


def _plain(value: Any) -> str:
    """A detail of a line as text, without the marks of a machine."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_plain(one) for one in value)
    return str(value)
