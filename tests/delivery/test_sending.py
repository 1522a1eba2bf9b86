"""What our own messages are: in the reader's words, with a way out, and each of them once."""

from __future__ import annotations

import re
from collections.abc import Callable

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from post_samples import OFFERS, Clock, SinkHandler, asked_for, offer, secret_file

from amana.core.vocabulary import Channel
from amana.delivery import composing, letters
from amana.delivery.listening import Listener
from amana.services import capture, preferences, sending, tasks
from amana.services.capture import Choice, Context
from amana.services.house import House
from amana.services.posting import open_post
from amana.services.sending import Sender

LINK = re.compile(r"https://my\.orchard\.example/c/([\w-]+)")


def confirmed(house: House, sender: Sender, handler: SinkHandler, address: str, language: str = "en") -> int:
    """Somebody who asked for offers and confirmed; their id."""
    asked_for(house, address, language)
    sender.work()
    token = LINK.search(handler.taken[-1].text())
    assert token is not None
    capture.confirm(house, token[1], Context(language=language))
    handler.taken.clear()
    with house.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT max(id) FROM person").scalar_one())


@pytest.mark.parametrize("language", letters.LANGUAGES)
def test_a_confirmation_is_written_in_the_readers_language_and_direction(
    language: str, house: House, sender: Sender, handler: SinkHandler
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
    house: House, sender: Sender, handler: SinkHandler
) -> None:
    ana = confirmed(house, sender, handler, "ana@example.com", "he")
    assert sending.market(house, "may", ana, OFFERS, offer())
    assert not sending.market(house, "may", ana, OFFERS, offer())
    sender.work()
    (taken,) = handler.taken
    one_click = re.search(r"<(https://my\.orchard\.example/u/[\w-]+[^>]*)>", taken.message["List-Unsubscribe"])
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


def test_whoever_withdrew_before_the_moment_of_sending_gets_nothing(
    house: House, sender: Sender, handler: SinkHandler
) -> None:
    ana = confirmed(house, sender, handler, "ana@example.com")
    sending.market(house, "may", ana, OFFERS, offer())
    off = (Choice(purpose="offers", channel=Channel.EMAIL),)
    preferences.change(house, ana, "orchard", preferences.Change(off=off), Context())
    sender.work()
    assert not handler.taken
    assert tasks.waiting(house)["failed"] == 1


def test_the_clocks_no_waits_and_is_not_given_up(
    house: House, sender: Sender, handler: SinkHandler, clock: Clock
) -> None:
    ana = confirmed(house, sender, handler, "ana@example.com")
    preferences.change(
        house, ana, "orchard", preferences.Change(paused_until=clock.now + 1_000), Context()
    )
    sending.market(house, "may", ana, OFFERS, offer())
    sender.work()
    assert not handler.taken
    clock.now += 2_000
    sender.work()
    assert len(handler.taken) == 1


def test_a_relay_that_is_down_loses_nothing_and_a_refusal_ends_the_task(
    house: House, sender: Sender, handler: SinkHandler, clock: Clock
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


def test_a_repeated_sending_is_the_same_message(house: House, sender: Sender, handler: SinkHandler, clock: Clock) -> None:
    asked_for(house, "ana@example.com")
    handler.answer = lambda recipient: "250 ok"
    row_ids: list[str] = []
    for _ in range(2):
        sender.work()
        row_ids.append(handler.taken[-1].message["Message-ID"])
        with house.database.begin() as connection:  # as if the process had died before it finished the task
            connection.exec_driver_sql("UPDATE task SET state = 'ready', leased = 0")
            if len(row_ids) == 1:
                connection.exec_driver_sql("UPDATE task SET payload = (SELECT payload FROM task)")
        break
    key = composing.message_id("confirm/x", "orchard.example")
    assert key == composing.message_id("confirm/x", "orchard.example") != composing.message_id("confirm/y", "orchard.example")


def test_the_signature_covers_the_way_out(
    opening: Callable[..., House], relay: Listener, handler: SinkHandler
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    more = '\n[mail.dkim]\n'
    del more
    house = opening(relay.port)
    definition = (house.folder / "amana.toml").read_text("utf-8")
    secret_file(house.folder, "dkim.pem", pem.decode())
    signed = definition.replace(
        'security = "none"',
        'security = "none"\ndkim_domain = "orchard.example"\ndkim_selector = "s1"\ndkim_key_file = "dkim.pem"',
    )
    more_house = opening(relay.port, "")
    (house.folder / "amana.toml").write_text(signed, "utf-8")
    del more_house
    from amana.core import workspace

    house.workspace = workspace.read(signed)
    post = open_post(house)
    sender = Sender(house, post)
    ana = confirmed(house, sender, handler, "ana@example.com")
    sending.market(house, "may", ana, OFFERS, offer())
    sender.work()
    post.close()
    content = handler.taken[-1].content
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    import base64

    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    assert dkim.verify(content, dnsfunc=lambda name, timeout=5: record)
    covered = re.search(rb"h=([^;]+);", content.replace(b"\r\n", b""))
    assert covered
    names = [name.strip() for name in covered[1].lower().split(b":")]
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from"} <= set(names)
    changed = content.replace(b"List-Unsubscribe-Post: ", b"List-Unsubscribe-Post: x", 1)
    assert not dkim.verify(changed, dnsfunc=lambda name, timeout=5: record)
    added = b"List-Unsubscribe: <https://other.example>\r\n" + content
    assert not dkim.verify(added, dnsfunc=lambda name, timeout=5: record)
