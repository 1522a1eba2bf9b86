"""A workspace with pages, the people in it, and a real server for a real browser. Everybody is invented."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from amana.core import shown
from amana.core.vocabulary import Channel
from amana.services.choices import own_data
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.record import links, tasks
from amana.services.record.house import House
from amana.storage import register

LANGUAGES = ("en", "he", "ar", "th", "ru")
PORT_WAIT = 15  # seconds

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
address = "1 Orchard Street, Leeds"
country = "UK"
serves = ["UK", "DE"]
stored_in = "UK"
languages = ["en", "he", "ar", "th", "ru"]

[brands.orchard]
name = "Orchard Street"
colour = "#7a1f5c"

[brands.harbour]
name = "Harbour"

[purposes.offers]
notice = "offers"
channels = ["email", "sms", "ads_audience"]
category = "marketing.communications.email"
label = { en = "Offers", he = "מבצעים", ar = "عروض", th = "ข้อเสนอ", ru = "Предложения" }

[purposes.news]
notice = "offers"
channels = ["email"]
category = "marketing.communications.email"
label = { en = "Newsletter", he = "עלון", ar = "نشرة", th = "จดหมายข่าว", ru = "Рассылка" }

[purposes.wine]
notice = "wine"
channels = ["email"]
category = "marketing.communications.email"
min_age = 18
label = { en = "Wine club", he = "מועדון יין", ar = "نادي النبيذ", th = "ชมรมไวน์", ru = "Винный клуб" }

[notices.offers]
version = "2026-01"
who = "Orchard Street Ltd"
purposes = ["offers", "news"]
channels = ["email", "sms", "ads_audience"]
shared_with = ["Post House Ltd (sends our mail)", "Adwise Ltd"]
kept_for = "P3Y"
withdraw = "the link in every message"
[notices.offers.text]
en = "We would like to write to you about what grows here. You choose each thing separately, and nothing depends on it."
he = "נשמח לכתוב לך על מה שצומח כאן. כל דבר נבחר בנפרד, ושום דבר אינו תלוי בכך."
ar = "نود أن نكتب إليك عمّا ينمو هنا. تختار كل شيء على حدة، ولا يتوقف عليه شيء."
th = "เราอยากเขียนถึงคุณเรื่องสิ่งที่เติบโตที่นี่ คุณเลือกแต่ละอย่างแยกกัน และไม่มีสิ่งใดขึ้นกับการเลือกนี้"
ru = "Мы хотели бы писать вам о том, что здесь растёт. Вы выбираете каждое отдельно, и от этого ничего не зависит."

[notices.wine]
version = "1"
who = "Orchard Street Ltd"
purposes = ["wine"]
channels = ["email"]
kept_for = "P1Y"
withdraw = "the link in every message"
text = { en = "A letter about wine, for grown-ups." }

[topics.apples]
en = "Apples"
he = "תפוחים"
ar = "تفاح"
th = "แอปเปิล"
ru = "Яблоки"
[topics.pears]
en = "Pears"
he = "אגסים"
ar = "كمثرى"
th = "ลูกแพร์"
ru = "Груши"

[capture_points.signup]
kind = "form"
notice = "offers"
fields = ["name"]
proof = ["channel_named", "sender_named", "purpose_named", "unbundled", "unticked",
  "not_condition", "withdrawal_told", "written"]

[capture_points.club]
kind = "form"
notice = "offers"
fields = ["born"]
proof = ["channel_named", "sender_named", "purpose_named", "unbundled", "unticked",
  "not_condition", "withdrawal_told", "written"]

[capture_points.account]
kind = "form"
notice = "offers"
confirmed = true

[capture_points.cellar]
kind = "form"
notice = "wine"

[capture_points.till]
kind = "api"
notice = "offers"

[fields.name]
purposes = ["offers", "news"]
category = "user.name"
why = "to greet people"
kept_for = "P3Y"
hold = "sealed"
means = "full_name"
[fields.born]
purposes = ["offers", "news", "wine"]
category = "user.demographic.date_of_birth"
why = "children are not written to"
kept_for = "P3Y"
hold = "sealed"
means = "birth_date"
[fields.residence]
purposes = ["offers", "news", "wine"]
category = "user.contact.address.country"
why = "whose law applies"
kept_for = "P3Y"
hold = "column"
means = "residence"
[fields.language]
purposes = ["offers", "news"]
category = "user.demographic.language"
why = "to be understood"
kept_for = "P3Y"
hold = "column"
means = "language"
[fields.interests]
purposes = ["offers"]
category = "user.behavior.interests"
why = "to choose what is shown"
kept_for = "P1Y"
hold = "column"
uses = ["profile", "analyse"]
label = { en = "What you look at", he = "במה צפית", ar = "ما تتصفّحه", th = "สิ่งที่คุณดู", ru = "Что вы смотрите" }
[fields.allergies]
purposes = ["offers"]
category = "user.health"
why = "to leave out what does harm"
kept_for = "P1Y"
hold = "sealed"
special = true
uses = ["personalise"]
label = { en = "Allergies", he = "אלרגיות", ar = "الحساسية", th = "อาการแพ้", ru = "Аллергии" }

[recipients.adwise]
name = "Adwise Ltd"
country = "UK"
role = "controller"
purposes = ["offers"]
categories = ["user.behavior"]
agreement = "agreements/adwise.pdf"
"""

OFFERS = Choice(purpose="offers", channel=Channel.EMAIL)
TEXTS = Choice(purpose="offers", channel=Channel.SMS)
NEWS = Choice(purpose="news", channel=Channel.EMAIL)
ADS = Choice(purpose="offers", channel=Channel.ADS_AUDIENCE)
PHONE = "+44 7400 123456"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()


class Site:
    """A running server over a workspace that the test also has open."""

    def __init__(self, house: House, address: str) -> None:
        self.house, self.address = house, address

    def ask(
        self,
        path: str,
        form: list[tuple[str, str]] | bytes | None = None,
        method: str = "",
        **headers: str,
    ) -> Answer:
        """One request; a form makes it a POST, sent as a page of this moment sends it: with the marks of its notices,
        unless it names its own. Header names are written with underscores.
        """
        if isinstance(form, list) and not any(name == "shown" for name, _ in form):
            form = [*form, *(("shown", one) for one in self.marks())]
        data = urlencode(form).encode() if isinstance(form, list) else form
        request = urllib.request.Request(self.address + path, data=data, method=method or None)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=30) as answer:
                return Answer(status=answer.status, body=answer.read(), headers=answer.headers)
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(status=refused.code, body=refused.read(), headers=refused.headers)

    def marks(self) -> list[str]:
        """The marks of the notices as they are published now."""
        with self.house.database.read() as connection:
            latest = {one.id: one for one in register.notice_versions(connection)}
        return [shown.mark(one) for one in latest.values()]

    def size(self) -> int:
        """How many events the log holds."""
        with self.house.database.read() as connection:
            row = connection.exec_driver_sql("SELECT max(size) FROM checkpoint").scalar_one()
        return int(row or 0)

    def content(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that is stored, table by table, to see whether anything changed."""
        with self.house.database.read() as connection:
            names = (
                connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
                .scalars()
                .all()
            )
            return {
                name: [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')]
                for name in names
            }


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers here, not to be followed."""

    def redirect_request(self, *_: object) -> None:
        return None


def serve(workspace: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server of the workspace's pages in a process of its own, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    runner = Path(__file__).with_name("page_server.py")
    process = subprocess.Popen([sys.executable, str(runner), str(workspace), str(port)])
    address = f"http://localhost:{port}"
    for _ in range(PORT_WAIT * 20):
        try:
            urllib.request.urlopen(f"{address}/about", timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process, address
    process.terminate()
    process.wait()
    raise RuntimeError("the page server did not start")


def mailed(house: House, template: str = "") -> list[dict[str, object]]:
    """What the worker would send now: every mail and text that waits, in its order; of one template if it is named."""
    got: list[dict[str, object]] = []

    def take(_: House, row: object, payload: Mapping[str, object]) -> None:
        got.append(dict(payload) | {"kind": row.kind})  # type: ignore[attr-defined]  # a task row

    while tasks.work(house, {"mail": take, "sms": take}):
        pass
    return [one for one in got if template in ("", one["template"])]


def member(house: House, email: str, *choices: Choice, phone: str = "", **fields: str) -> int:
    """Somebody who signed up and confirmed; their id."""
    said = Submission(
        capture_point="signup",
        brand="orchard",
        choices=choices or (OFFERS,),
        email=email,
        phone=phone,
        fields={"residence": "GB", **fields},
        context=Context(language=fields.get("language", "en")),
    )
    answered = capture.submit(house, said)
    person = links.handled(house, answered.handle)
    for one in mailed(house, "confirm"):
        if one["kind"] == "mail":
            capture.confirm(house, str(one["token"]), Context())
        else:
            capture.confirm_code(house, person, str(one["token"]), Context())
    return person


def token(house: House, person: int, choice: Choice | None = OFFERS) -> str:
    """A message's token for a person."""

    def work(session: object) -> str:
        terms = session.terms  # type: ignore[attr-defined]  # a writing session
        cell = (
            terms.cell("orchard", choice.purpose, choice.channel.value)
            if choice
            else terms.cell("orchard", "*", "*")
        )
        return links.for_message(house, session, person, cell).token  # type: ignore[arg-type]  # a writing session

    return house.writing().write(work)


def step_up(house: House, person: int) -> str:
    """The word of the link that a person was mailed to their own data."""
    own_data.ask(house, person, "orchard", "en")
    return str(mailed(house, "step_up")[-1]["token"])


Opening = Callable[..., House]
