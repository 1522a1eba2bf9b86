"""Every page in every state that a visitor can bring about, as the server answers it; made anew for a language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from litestar import Litestar
from litestar.testing import TestClient
from web_samples import (
    ADS,
    NEWS,
    OFFERS,
    PHONE,
    TEXTS,
    Answer,
    Site,
    mailed,
    member,
    step_up,
    token,
)

from amana.core.cells import CHANNEL_CODE
from amana.core.rights import Kind, Via
from amana.core.vocabulary import Channel
from amana.services.collection.capture import Choice
from amana.services.keeping import exports
from amana.services.record import reveal
from amana.services.record.limits import Buckets
from amana.services.rights import following, requests, rights_run
from amana.storage import register
from amana.web import app
from amana.web.pacing import Pace

OTHER = "he"
"""The language that each page's switch is tried with."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One page in one state."""

    route: str  # of `app.ROUTES`
    template: str
    name: str
    path: str  # at which it is shown
    answer: Answer
    switched: Answer | None = None  # what its link to another language leads to


class Maker:
    """Makes the states of a site in one language."""

    def __init__(self, site: Site, language: str) -> None:
        self.site, self.language = site, language
        self._count = 0

    def everything(self) -> Iterator[State]:
        """Every state."""
        yield from self._forms()
        yield from self._confirming()
        yield from self._centre()
        yield from self._leaving()
        yield from self._mine()
        yield from self._requests()
        yield from self._about()
        yield from self._trouble()

    def address(self) -> str:
        """An address that nobody had before."""
        self._count += 1
        return f"{self.language}{self._count}@states.example"

    def _state(
        self,
        route: str,
        template: str,
        name: str,
        path: str,
        form: list[tuple[str, str]] | None = None,
        **headers: str,
    ) -> State:
        sent = None if form is None else [("lang", self.language), *form]
        headers = {"accept_language": self.language} | headers
        mark = "&" if "?" in path else "?"
        answer = self.site.ask(
            path if form is not None else f"{path}{mark}lang={self.language}", sent, **headers
        )
        other = re.findall(rf'hreflang="{OTHER}" dir="\w+" href="([^"]+)"', answer.text)
        kept = answer.headers.get("set-cookie", "").split(";")[0]
        headers |= {"cookie": kept} if kept else {}
        switched = self.site.ask(other[0].replace("&amp;", "&"), **headers) if other else None
        return State(route=route, template=template, name=name, path=path, answer=answer, switched=switched)

    def _member(self, *choices: Choice, **more: str) -> int:
        """Somebody new; what waits for others is taken away first."""
        mailed(self.site.house)
        return member(self.site.house, self.address(), *choices, **more)

    def _forms(self) -> Iterator[State]:
        form = "/f/{part:str}"
        born = [("birth-month", "5"), ("birth-year", "2015"), ("country", "DE"), ("choice", "news:email")]
        yield self._state(form, "form", "empty", "/f/signup")
        yield self._state(form, "form", "for an age", "/f/club")
        yield self._state("/f/{part:str}/embed", "form", "framed", "/f/signup/embed")
        yield self._state(form, "form", "nothing chosen", "/f/signup", [("email", self.address())])
        unread = [("shown", ""), ("choice", "news:email"), ("email", self.address())]
        yield self._state(form, "form", "text changed", "/f/signup", unread)
        yield self._state(form, "form", "for a guardian", "/f/club", born)
        yield self._state(
            form, "sent", "by mail", "/f/signup", [("choice", "news:email"), ("email", self.address())]
        )
        yield self._state(
            form, "sent", "to a guardian", "/f/club", [*born, ("guardian", "yes"), ("email", self.address())]
        )
        yield self._state(
            form, "sent", "by text", "/f/signup", [("choice", "offers:sms"), ("phone", "+44 7400 123460")]
        )
        wine = [
            ("choice", "wine:email"),
            ("birth-month", "1"),
            ("birth-year", "2012"),
            ("email", self.address()),
        ]
        yield self._state(form, "too_young", "", "/f/cellar", wine)

    def _confirming(self) -> Iterator[State]:
        self.site.ask(
            "/f/signup", [("choice", "news:email"), ("choice", "offers:email"), ("email", self.address())]
        )
        word = mailed(self.site.house, "confirm")[-1]["token"]
        route = "/c/{part:str}"
        yield self._state(route, "confirm", "", f"/c/{word}")
        yield self._state(route, "done", "", f"/c/{word}", [])
        asked = self.site.ask("/f/signup", [("choice", "offers:sms"), ("phone", "+44 7400 123461")])
        handle = asked.text.split('action="/k/')[1].split('"')[0]
        yield self._state("/k/{part:str}", "code", "", f"/k/{handle}")
        yield self._state("/k/{part:str}", "code", "wrong", f"/k/{handle}", [("code", "12")])

    def _centre(self) -> Iterator[State]:
        route, house = "/p/{part:str}", self.site.house
        person = self._member(OFFERS, TEXTS, ADS, phone=PHONE)
        held = token(house, person)
        path = f"/p/{held}"
        yield self._state(route, "centre", "some on", path)
        yield self._state(route, "centre", "not to be sold", path, Sec_GPC="1")
        unread = [("shown", ""), ("was", "news:email:off"), ("on", "news:email")]
        yield self._state(route, "centre", "text changed", path, unread)
        yield self._state(route, "centre", "waiting", path, [("was", "news:email:off"), ("on", "news:email")])
        yield self._state(
            route, "centre", "changed", path, [("was", "offers:email:on"), ("pause", "30"), ("pace", "2")]
        )
        yield self._state(route, "centre", "paused", path)
        yield self._state(route, "centre", "no use at all", path, [("data-stop", "1")])
        yield self._state("/p/{part:str}/why", "why", "never sent", f"{path}/why")
        yield self._state("/p/{part:str}/why", "why", "often sent", f"{self._often_sent()}/why")
        yield self._state("/p/{part:str}/link", "link_sent", "", f"{path}/link", [])
        yield self._state(route, "centre", "leaving", path, [("leave", "1")])
        yield self._state(route, "centre", "left", path)

    def _often_sent(self) -> str:
        """The centre of somebody who got a dozen and more messages."""
        house, person = self.site.house, self._member(OFFERS)
        with house.database.read() as connection:
            cell = register.terms(connection).cell("orchard", "offers", "email")
        assert cell & 0xFF == CHANNEL_CODE[Channel.EMAIL]
        row = (
            'INSERT INTO permit (id, person, cell, taken, expires, content, known, law, "grant", redeemed) '
            "VALUES (?, ?, ?, ?, ?, ?, 0, '', '', ?)"
        )

        def work(session: object) -> None:
            for number in range(14):
                at = house.clock() - number * 86_400
                values = (house.random(16), person, cell, at, at, b"", at)
                session.connection.exec_driver_sql(row, values)  # type: ignore[attr-defined]  # a writing session

        house.writing().write(work)
        return f"/p/{token(house, person)}"

    def _leaving(self) -> Iterator[State]:
        route, house = "/u/{part:str}", self.site.house
        person = self._member(OFFERS)
        named, bare, off = (token(house, person, one) for one in (OFFERS, None, NEWS))
        yield self._state(route, "leave", "this or everything", f"/u/{named}")
        yield self._state(route, "leave", "everything", f"/u/{bare}")
        yield self._state(route, "leave", "off already", f"/u/{off}")
        yield self._state(route, "left", "this, just now", f"/u/{named}", [("scope", "this")])
        yield self._state(route, "left", "this, before", f"/u/{named}")
        yield self._state(route, "left", "everything", f"/u/{named}", [("scope", "everything")])

    def _mine(self) -> Iterator[State]:
        house = self.site.house
        person = self._member(OFFERS, name="Olga Own")
        held = token(house, person)
        for day in range(20):
            self.site.ask(f"/p/{held}", [("pause", ("7", "30")[day % 2])])
        reveal.reveal(house, person, ["name"], actor="dora", purpose="a question about an order")
        reveal.reveal(house, person, ["points"], actor="api:shop", purpose="delivery")
        exports.with_contact(
            house,
            [person],
            recipient="Post House Ltd",
            days=30,
            file="autumn.csv",
            actor="dora",
            purpose="letters",
        )
        word = step_up(house, person)
        yield self._state("/s/{part:str}", "link", "", f"/s/{word}")
        opened = self._state("/s/{part:str}", "mine", "opened", f"/s/{word}", [])
        yield opened
        cookie = opened.answer.headers["set-cookie"].split(";")[0]
        csrf = ("csrf", re.findall(r'name="csrf" value="([^"]+)"', opened.answer.text)[0])
        older = re.findall(r"before=(\d+)", opened.answer.text)[0]
        yield self._state("/me", "mine", "looked at again", "/me", cookie=cookie)
        yield self._state("/me", "mine", "older history", f"/me?before={older}", cookie=cookie)
        yield self._state(
            "/me", "mine", "corrected", "/me", [csrf, ("field-name", "Olga New")], cookie=cookie
        )
        yield self._state(
            "/me", "mine", "wrong", "/me", [csrf, ("field-residence", "Atlantis")], cookie=cookie
        )
        use, profiling = "/me/data", "offers|use.profile|user.behavior.interests"
        yield self._state(use, "data", "all off", use, cookie=cookie)
        unread = [csrf, ("shown", ""), ("data", profiling)]
        yield self._state(use, "data", "text changed", use, unread, cookie=cookie)
        yield self._state(use, "data", "one on", use, [csrf, ("data", profiling)], cookie=cookie)
        yield self._state("/p/{part:str}", "centre", "one use on", f"/p/{held}")
        yield self._state(use, "data", "no use at all", use, [csrf, ("data-stop", "1")], cookie=cookie)
        yield self._state("/me", "ended", "just now", "/me", [csrf, ("end", "1")], cookie=cookie)
        yield self._state("/me/closed", "ended", "looked at again", "/me/closed")

    def _requests(self) -> Iterator[State]:
        house = self.site.house
        person = self._member(OFFERS, name="Rina Asked")
        self._open(person, Kind.ERASURE)  # by mail, in their name: it waits for a yes
        opened = self.site.ask(f"/s/{step_up(house, person)}", [])
        cookie = opened.headers["set-cookie"].split(";")[0]
        csrf = ("csrf", re.findall(r'name="csrf" value="([^"]+)"', opened.text)[0])
        ask, one = "/me/ask/{part:str}", "/me/request/{part:str}"
        sure = [csrf, ("sure", "1")]
        yield self._state(ask, "ask", "a copy", "/me/ask/access", cookie=cookie)
        yield self._state(ask, "ask", "to be erased", "/me/ask/erasure", cookie=cookie)
        yield self._state(ask, "ask", "a correction", "/me/ask/rectification", cookie=cookie)
        yield self._state(ask, "ask", "nothing corrected", "/me/ask/rectification", sure, cookie=cookie)
        wrong = [*sure, ("field-residence", "Atlantis")]
        yield self._state(ask, "ask", "a wrong value", "/me/ask/rectification", wrong, cookie=cookie)
        yield self._state(ask, "request", "ready", "/me/ask/access", sure, cookie=cookie)
        copy = requests.of_person(house, person)[0].ref
        erasure = requests.of_person(house, person)[1].ref
        while rights_run.sweep(house):
            pass
        yield self._state(one, "request", "answered", f"/me/request/{copy}", cookie=cookie)
        yield self._state(one, "request", "to be confirmed", f"/me/request/{erasure}", cookie=cookie)
        yield self._state(
            one, "request", "taken back", f"/me/request/{erasure}", [csrf, ("cancel", "1")], cookie=cookie
        )
        often = self._open(person, Kind.PORTABILITY, ground="asked_often")
        yield self._state(one, "request", "to be decided", f"/me/request/{often}", cookie=cookie)
        yield self._state("/q/{part:str}", "follow", "open", f"/q/{following.word(house, often)}")
        requests.decide(house, often, go=False, reason="It was answered last week.", actor="dora")
        yield self._state(one, "request", "refused", f"/me/request/{often}", cookie=cookie)
        yield self._state("/q/{part:str}", "follow", "refused", f"/q/{following.word(house, often)}")
        yield self._state("/q/{part:str}", "follow", "answered", f"/q/{following.word(house, copy)}")
        yield self._state("/me", "mine", "with requests", "/me", cookie=cookie)

    def _open(self, person: int, kind: Kind, ground: str = "") -> str:
        """A request in somebody's name that came by mail; its reference."""
        said = requests.Said(kind=kind, via=Via.MAIL, person=person, language=self.language, ground=ground)
        ref = requests.open_(self.site.house, said, actor="test").ref
        mailed(self.site.house)
        return ref

    def _about(self) -> Iterator[State]:
        yield self._state("/about", "about", "", "/about")
        yield self._state("/r", "refer", "", "/r")
        yield self._state("/verify", "", "", "/verify")

    def _trouble(self) -> Iterator[State]:
        yield self._state("/c/{part:str}", "trouble", "gone", "/c/never-was")
        yield self._state("/me", "trouble", "no session", "/me")
        held = token(self.site.house, self._member())
        yield self._state("/u/{part:str}", "trouble", "refused", f"/u/{held}", [])
        yield self._state("/u/{part:str}", "trouble", "too large", f"/u/{held}", [("x", "x" * 40_000)])
        with TestClient(
            Litestar([app.routes(lambda: self.site.house, Pace(Buckets(lambda: 0.0)))])
        ) as client:
            path = f"/s/dead?lang={self.language}"
            answers = [client.get(path) for _ in range(60)]
        last = answers[-1]
        assert last.status_code == 429
        slow = Answer(status=429, body=last.content, headers=dict(last.headers))
        yield State(route="/s/{part:str}", template="trouble", name="too fast", path="/s/dead", answer=slow)


__all__ = ["Maker", "State"]
