"""A workspace that sends through a relay, the people who asked it for mail, and its letters. All people are invented."""

from __future__ import annotations

from collections.abc import Mapping
from email import policy
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

from amana.core.statements import Statement
from amana.core.vocabulary import Channel, Status
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.gate.asking import Inquiry
from amana.services.messaging import mailings
from amana.services.messaging.mailings import Text
from amana.services.messaging.sending import Sender
from amana.services.record.house import House
from worlds import clock, lists, orchard
from worlds.clock import DAY

NOW = clock.NOW - 12 * 3600  # 08:26 UTC: no quiet hour in Germany
OFFERS = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)
BERLIN = 'address = "1 Orchard Street, Berlin"\nsite = "https://my.orchard.example"\n'


def definition(port: int, mail: str = "", more: str = "") -> str:
    """The workspace file of one that sends to a port; `mail` is added to its [mail], `more` to its end."""
    return orchard.workspace(
        orchard.residence(),
        orchard.language(),
        orchard.mail(port) + mail + '\n[answers]\naddress = "answers@orchard.example"\n',
        more,
        organisation=BERLIN + orchard.FIVE,
        brands=("orchard", "harbour"),
        purposes={"offers": ("email", "sms"), "news": ("email",)},
        text=orchard.IN_FIVE,
    )


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


def known(
    house: House,
    people: Mapping[str, bool],
    language: str = "en",
    channel: Channel = Channel.EMAIL,
    name: str = "",
) -> None:
    """People of an earlier list, by address; True for those who agreed to offers."""
    named = {"name": name} if name else {}
    kind = "phone" if channel is Channel.SMS else "email"
    when = lists.at(NOW - 10 * DAY)

    def said(agreed: bool) -> Statement:
        status = Status.GIVEN if agreed else Status.WITHDRAWN
        return lists.said(status, when, channel=channel, proof=lists.EVERY_PROOF)

    rows = [
        lists.row(line, said(agreed), language=language, **{kind: address}, **named)
        for line, (address, agreed) in enumerate(people.items(), start=2)
    ]
    digest = sha256(repr((name, sorted(people))).encode()).hexdigest()
    lists.taken(house, "list", *rows, digest=digest, fields=("residence", "language", *named))


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
