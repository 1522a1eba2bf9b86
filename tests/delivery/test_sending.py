"""What our own messages are: in the reader's words, with a way out, and each of them once."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from post_samples import asked_for, offer, worked

from amana import errors
from amana.delivery import letters
from amana.delivery.listening import Listener
from amana.services.collection import capture
from amana.services.collection.capture import Context
from amana.services.messaging import mailings
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import open_post
from amana.storage.tasks import TaskRow
from worlds.clock import Clock
from worlds.relay import Sink

LINK = re.compile(r"https://my\.orchard\.example/c/([\w-]+)")


def confirmed(house: House, sender: Sender, handler: Sink, address: str, language: str = "en") -> int:
    """Somebody who asked for offers and confirmed; their id."""
    asked_for(house, address, language)
    sender.work()
    token = LINK.search(handler.taken[-1].text())
    assert token is not None
    capture.confirm(house, token[1], Context(language=language))
    worked(sender)  # what was turned on is told, too
    handler.taken.clear()
    with house.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT max(id) FROM person").scalar_one())


@pytest.mark.parametrize("language", letters.LANGUAGES)
def test_a_confirmation_is_written_in_the_readers_language_and_direction(
    language: str, house: House, sender: Sender, handler: Sink
) -> None:
    asked_for(house, "ana@example.com", language)
    assert sender.work() == 1
    (taken,) = handler.taken
    words = letters.words(language)
    assert taken.message["Subject"] == words.confirm["subject"].format(brand="Orchard Street")
    assert taken.message["From"] == "Orchard Street <hello@orchard.example>"
    notice = house.workspace.notices["offers"].text[language]
    assert notice in taken.text()
    page = taken.text("html")
    assert f'lang="{language}" dir="{words.direction}"' in page
    assert ("direction:rtl" in page.replace(" ", "")) is (language in ("he", "ar"))
    assert LINK.search(taken.text())
    assert not re.search(r'(?:src|background|url)\s*[=(]\s*["\']?https?:', page)  # nothing is loaded


def test_every_language_has_the_same_messages() -> None:
    def keys(language: str) -> dict[str, list[str]]:
        words = letters.words(language)
        sections = [name for name in words.__struct_fields__ if name != "direction"]
        return {name: sorted(getattr(words, name)) for name in sections}

    for language in letters.LANGUAGES:
        assert keys(language) == keys("en")
        holes = {
            f"{section}.{key}": sorted(re.findall(r"\{\w+\}", getattr(letters.words(language), section)[key]))
            for section, names in keys("en").items()
            for key in names
        }
        english = {
            f"{section}.{key}": sorted(re.findall(r"\{\w+\}", getattr(letters.words("en"), section)[key]))
            for section, names in keys("en").items()
            for key in names
        }
        assert holes == english


def test_confirming_makes_marketing_possible_and_it_carries_its_way_out(
    house: House, sender: Sender, handler: Sink
) -> None:
    ana = confirmed(house, sender, handler, "ana@example.com", "he")
    mailings.start(house, offer(ana))
    worked(sender)
    (taken,) = handler.taken
    one_click = re.search(
        r"<(https://my\.orchard\.example/u/[\w-]+[^>]*)>", taken.message["List-Unsubscribe"]
    )
    assert one_click
    assert "mailto:answers+" in taken.message["List-Unsubscribe"]
    assert taken.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert taken.message["List-Id"] == "<offers.orchard.orchard.example>"
    for kind in ("plain", "html"):
        assert "1 Orchard Street, Berlin" in taken.text(kind)
        assert one_click[1].split("?")[0] in taken.text(kind)
        assert letters.words("he").footer["leave"] in taken.text(kind)
    assert 'dir="rtl"' in taken.text("html")
    assert taken.sender.startswith("answers+")


def test_a_relay_that_is_down_loses_nothing_and_a_refusal_ends_the_task(
    house: House, sender: Sender, handler: Sink, clock: Clock
) -> None:
    asked_for(house, "ana@example.com")
    asked_for(house, "ben@example.com")
    handler.answer = lambda recipient: "451 later" if recipient.startswith("ana") else "550 no such person"
    sender.work()
    assert tasks.waiting(house) == {"ready": 1, "failed": 1}
    handler.answer = lambda recipient: "250 ok"
    clock.now += 60
    sender.work()
    assert [one.recipient for one in handler.taken] == ["ana@example.com"]
    assert tasks.waiting(house) == {"done": 1, "failed": 1}


def test_a_repeated_sending_is_the_same_message(house: House, sender: Sender, handler: Sink) -> None:
    asked_for(house, "ana@example.com")

    def twice(house: House, row: TaskRow, payload: Mapping[str, Any]) -> None:
        sender.mail(house, row, payload)
        sender.mail(house, row, payload)  # as after a death between the relay's answer and our commit

    tasks.work(house, {"mail": twice})
    first, second = handler.taken
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.text() == second.text()


DKIM = 'dkim_domain = "orchard.example"\ndkim_selector = "s1"\ndkim_key_file = "dkim.pem"'


def test_the_signature_covers_the_way_out(
    opening: Callable[..., House], relay: Listener, handler: Sink
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    house = opening(relay.port, DKIM, files={"dkim.pem": pem.decode()})
    post = open_post(house)
    sender = Sender(house, post)
    ana = confirmed(house, sender, handler, "ana@example.com")
    mailings.start(house, offer(ana))
    worked(sender)
    post.close()
    content = handler.taken[-1].content
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def verifies(message: bytes) -> bool:
        record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
        return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: record))

    assert verifies(content)
    assert not verifies(content.replace(b"=One-Click", b"=One-Clicks", 1))
    assert not verifies(b"List-Unsubscribe: <https://other.example>\r\n" + content)
    assert not verifies(b"Subject: Other\r\n" + content)


def test_a_secret_that_others_can_read_is_refused(opening: Callable[..., House], relay: Listener) -> None:
    house = opening(relay.port, DKIM, files={"dkim.pem": "key"})
    (house.folder / "dkim.pem").chmod(0o644)
    with pytest.raises(errors.BadSettings):
        open_post(house)
