"""A relay that takes mail and remembers it, and a workspace that sends through it. All people are invented."""

from __future__ import annotations

import email
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email import policy
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Channel, Proof, Status
from amana.delivery.listening import Listener
from amana.services.collection import capture, imports
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.collection.imports import Order
from amana.services.gate.asking import Inquiry
from amana.services.messaging import mailings
from amana.services.messaging.mailings import Text
from amana.services.messaging.sending import Sender
from amana.services.record.house import House

NOW = 1_780_000_000 - 12 * 3600  # 2026-05-28, a Thursday, 08:26 UTC: no quiet hour in Germany
OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE"]
stored_in = "DE"
address = "1 Orchard Street, Berlin"
languages = ["en", "he", "ar", "th", "ru"]
site = "https://my.orchard.example"

[brands.orchard]
name = "Orchard Street"
[brands.harbour]
name = "Harbour"

[purposes.offers]
notice = "offers"
channels = ["email", "sms"]
category = "marketing"
[purposes.news]
notice = "offers"
channels = ["email"]
category = "marketing"

[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers", "news"]
channels = ["email", "sms"]
kept_for = "P3Y"
withdraw = "link in each message"
[notices.offers.text]
en = "We send you offers & news."
he = "נשלח לך הצעות."
ar = "نرسل إليك عروضًا."
th = "เราส่งข้อเสนอให้คุณ"
ru = "Мы присылаем предложения."

[fields.residence]
purposes = ["offers"]
category = "user"
why = "the law"
kept_for = "P3Y"
hold = "column"
means = "residence"
[fields.language]
purposes = ["offers"]
category = "user"
why = "the reader's language"
kept_for = "P3Y"
hold = "column"
means = "language"

[mail]
sender = "hello@orchard.example"
port = {port}
security = "none"
{mail}
[answers]
address = "answers@orchard.example"
"""


def definition(port: int, mail: str = "", more: str = "") -> str:
    """The workspace file of one that sends to a port; `mail` is added to its [mail], `more` to its end."""
    return DEFINITION.replace("{port}", str(port)).replace("{mail}", mail) + more


class Clock:
    """UTC seconds that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Taken:
    """One message as the relay got it."""

    def __init__(self, sender: str, recipient: str, content: bytes) -> None:
        self.sender, self.recipient, self.content = sender, recipient, content
        parsed: Any = email.message_from_bytes(content, policy=policy.default)
        self.message: EmailMessage = parsed
        self.at = time.monotonic()

    def text(self, kind: str = "plain") -> str:
        """The text of one form."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content())


class SinkHandler:
    """Remembers what it gets; `answer` decides what it says."""

    run: Any = None

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.answer: Callable[[str], str] = lambda recipient: "250 ok"
        self.lock = threading.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        (recipient,) = envelope.rcpt_tos
        said = self.answer(recipient)
        if said.startswith("250"):
            with self.lock:
                self.taken.append(Taken(envelope.mail_from, recipient, envelope.original_content))
        return said


def sink(handler: SinkHandler, port: int = 0) -> Listener:
    """A relay on this machine."""
    return Listener(("127.0.0.1", port), handler, most_bytes=20_000_000)


def asked_for(house: House, address: str, language: str = "en", purpose: str = "offers") -> None:
    """Somebody asks for offers on the preference page."""
    capture.submit(
        house,
        Submission(
            capture_point="preference_centre",
            brand="orchard",
            choices=(Choice(purpose=purpose, channel=Channel.EMAIL),),
            email=address,
            fields={"residence": "DE", "language": language},
            context=Context(language=language),
        ),
    )


APPLES = Text(
    subject="Apples", text="Apples are ripe.\n", html="<html><body><p>Apples are ripe.</p></body></html>"
)


def offer(*people: int, **more: Any) -> mailings.Order:
    """A mailing about apples, to some people by id, or to everybody."""
    words: dict[str, Any] = {"inquiry": OFFERS, "letters": {"en": APPLES}, "people": people or None}
    return mailings.Order(**(words | more))


def worked(sender: Sender) -> None:
    """Do everything that is due now."""
    while sender.work():
        pass


EVERY_PROOF = Proof(sum(Proof)) & ~Proof.GUARDIAN


def known(
    house: House,
    people: Mapping[str, bool],
    language: str = "en",
    channel: Channel = Channel.EMAIL,
    name: str = "",
) -> None:
    """People of an earlier list, by address; True for those who agreed to offers."""
    named = {"name": name} if name else {}
    when = Interval(lo=NOW - 864_000, hi=NOW - 864_000)
    rows = [
        PersonRow(
            part="",
            line=line,
            email="" if channel is Channel.SMS else address,
            phone=address if channel is Channel.SMS else "",
            fields={"residence": "DE", "language": language} | named,
            statements=(
                Statement(
                    status=Status.GIVEN if agreed else Status.WITHDRAWN,
                    occurred=when,
                    purpose="offers",
                    channel=channel,
                    proof=EVERY_PROOF,
                ),
            ),
        )
        for line, (address, agreed) in enumerate(people.items(), start=2)
    ]

    def read(start: tuple[str, int] | None) -> Iterator[PersonRow]:
        return (one for one in rows if start is None or one.line >= start[1])

    imports.run(
        house,
        Order(
            kind="table",
            name="list",
            digest=sha256(repr((name, sorted(people))).encode()).hexdigest(),
            reading="",
            evidence="sign-up form of 2026",
            brand="orchard",
            fields=("residence", "language", *named),
            rows=read,
        ),
    )


def letter(
    *recipients: str, subject: str = "Apples", text: str = "Apples are ripe.", **headers: str
) -> bytes:
    """A campaign as a sending system makes it."""
    made = EmailMessage(policy=policy.SMTP)
    made["From"] = "Orchard Street <shop@orchard.example>"
    made["To"] = "undisclosed-recipients:;"
    made["Subject"] = subject
    made["Message-ID"] = (
        f"<{sha256(repr((recipients, subject)).encode()).hexdigest()[:20]}@shop.orchard.example>"
    )
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    made.add_alternative(f"<html><body><p>{text}</p></body></html>", subtype="html")
    return made.as_bytes()
