"""Web signals: what a visitor chose on a site's banner, given back to them as a signed record; and what it means now.

Rule. A visitor is nobody: nothing about them is stored here. Their choice goes back as a record that only this
workspace can have made (keyed hash over what was chosen, when, and under which version of the banner's categories), and
their own browser keeps it; it is the proof of the choice and dies after `LIFE`, or when the categories change. What it
means is computed anew at each reading: a browser's signal that is on now counts although it was off then. For somebody
who comes with the token of a message or a session, the gate's answer narrows it further, and a browser's signal is
recorded as their refusal of every sharing (11 CCR 7025(c)(1)), once.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from amana import errors
from amana.core import cells, facts, signals
from amana.core.signals import Web
from amana.core.statements import ANY
from amana.keys.store import EVENT_ID
from amana.services.choices import data_choices, own_data
from amana.services.choices.data_choices import DataChoice
from amana.services.collection import capture
from amana.services.collection.capture import Context
from amana.services.gate.asking import Gate
from amana.services.gate.handling import Handling
from amana.services.record import tokens
from amana.services.record.house import House
from amana.storage import people, register
from amana.storage import tokens as token_rows

LIFE = 183 * 86_400  # six months (CNIL, guidelines of 17 September 2020, 35)
_encode = msgspec.json.Encoder(order="sorted").encode


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What is on, and what that means for tags."""

    categories: dict[str, bool]
    signals: dict[str, str]  # Google's consent mode
    gpc: bool
    record: str = ""  # to be kept by the browser and shown again; empty where there is none that is good


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says."""

    on: list[str]
    at: int
    form: str  # hash of the categories that were offered


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a token: one person, before one brand."""

    person: int
    brand: str


def choose(house: House, said: Mapping[str, Any], *, gpc: bool, token: str = "") -> Chosen:
    """Take a visitor's choice. Raises NotFound: no banner is declared, or the token is not good."""
    web = _web(house)
    on = [name for name, value in said.items() if value is True and name in web.categories]
    kept = _Kept(on=sorted(on), at=house.clock(), form=_form(web))
    return _meaning(house, web, kept, gpc=gpc, token=token)


def read(house: House, record: str, *, gpc: bool, token: str = "") -> Chosen:
    """What an earlier choice means now; everything is off if the record is not good any more. Raises as `choose`."""
    web = _web(house)
    kept = _opened(house, web, record)
    return _meaning(house, web, kept, gpc=gpc, token=token)


def holder(house: House, token: str) -> Known:
    """Who holds the token of a message, or the word of a session. Raises NotFound for any that is not good."""
    opened = tokens.peek(house, token, token_rows.MESSAGE, token_rows.STEP_UP)
    if opened.kind == token_rows.STEP_UP:
        guest = own_data.guest(house, token)
        return Known(person=guest.person, brand=guest.brand)
    with house.database.read() as connection:
        brand = register.terms(connection).words(opened.cell)[0]
    return Known(person=opened.person, brand=brand)


def _meaning(house: House, web: Web, kept: _Kept | None, *, gpc: bool, token: str) -> Chosen:
    said = dict.fromkeys(kept.on, True) if kept else {}
    on = signals.chosen(web, said, gpc=gpc)
    if token:
        known = holder(house, token)
        if gpc:
            _honour(house, known)
        on = {name: value and _allowed(house, web, name, known) for name, value in on.items()}
    record = _record(house, kept) if kept else ""
    return Chosen(categories=on, signals=signals.consent_mode(web, on), gpc=gpc, record=record)


def _allowed(house: House, web: Web, name: str, known: Known) -> bool:
    """Whether the gate allows every action that a category names."""
    brand = web.brand if known.brand == ANY else known.brand
    gate = Gate(house)
    try:
        return all(
            gate.ask(
                known.person,
                Handling(brand=brand, purpose=one.purpose, action=one.action, category=one.category),
            ).allow
            for one in web.categories[name].actions
        )
    finally:
        gate.close()


def _honour(house: House, known: Known) -> None:
    """A browser's signal is the person's No to every recipient who decides for themselves."""
    with house.database.read() as connection:
        terms = register.terms(connection)
        held = people.get(connection, [known.person])
    if known.person not in held or known.brand == ANY:
        return
    cell = terms.cell(known.brand, ANY, cells.EVERY_SHARE)
    if not facts.binding_refusals(held[known.person].state, cell):
        choice = DataChoice(action=cells.EVERY_SHARE)
        context = Context(page="sec-gpc")
        data_choices.refuse(house, known.person, known.brand, [choice], context, point=capture.SITE)


def _record(house: House, kept: _Kept) -> str:
    body = _base64(_encode(kept))
    return f"{body}.{_base64(_mark(house, body))}"


def _opened(house: House, web: Web, record: str) -> _Kept | None:
    """What a record says; None for one that is not ours, is too old, or is about other categories."""
    body, _, mark = record.partition(".")
    try:
        genuine = hmac.compare_digest(
            _mark(house, body), base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
        )
        kept = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Kept)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    fresh = 0 <= house.clock() - kept.at < LIFE and kept.form == _form(web)
    return kept if genuine and fresh else None


def _mark(house: House, body: str) -> bytes:
    return hmac.digest(house.keys.secret(EVENT_ID), b"banner/" + body.encode(), sha256)[:16]


def _form(web: Web) -> str:
    """Changes when the categories mean something else: then a visitor is asked again."""
    return sha256(_encode(msgspec.to_builtins(web.categories))).hexdigest()[:12]


def _web(house: House) -> Web:
    if house.workspace.web is None:
        raise errors.NotFound(
            "No banner is declared", expected="[web] in amana.toml", remedy="declare the sites and categories"
        )
    return house.workspace.web


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
