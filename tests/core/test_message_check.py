"""The message check: each country gets the elements that its law wants, and a message that lacks one is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from amana import errors, wiring
from amana.core import facts, messages, public_holidays, rules
from amana.core.messages import Declared, Element, MessageFacts
from amana.core.packs import Condition
from amana.core.plan import Circumstances, Plan, Question
from amana.core.regimes import Regime
from amana.core.vocabulary import Channel, Proof

BOOK = wiring.law_book()
NOW = int(datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp())
INCOMPLETE = 1 << rules.BY_CODE["message_incomplete"].bit

COMPLETE = MessageFacts(
    channel=Channel.EMAIL,
    declared=Declared.MARKETING,
    promotional=True,
    subject="New season",
    sender_named=True,
    header_accurate=True,
    postal_address=True,
    contact=True,
    unsubscribe_link=True,
    refusal_email=True,
    shown_as_advertising=True,
    subject_honest=True,
)


def but(**changes: object) -> MessageFacts:
    return msgspec.structs.replace(COMPLETE, **changes)


def needed(places: tuple[str, ...], channel: Channel = Channel.EMAIL) -> int:
    asked = Question(cell=0, channel=channel, at=NOW, circumstances=Circumstances(served=places))
    return Plan(BOOK, asked, public_holidays.in_place).law(Regime()).message


def lacking(where: str, message: MessageFacts) -> tuple[str, ...]:
    return messages.names(needed((where,), message.channel) & ~messages.inspect(message))


def test_every_word_of_the_book_about_messages_has_a_meaning_and_no_meaning_is_without_a_word() -> None:
    rows = [one for row in BOOK.rows() for one in row.all_conditions()]
    excepted = [one for exception in BOOK.exceptions() for one in exception.conditions]
    general = [
        one for code in BOOK.codes() for said in BOOK.jurisdiction(code).messages for one in said.requires
    ]
    words = {one.token for one in (*rows, *excepted, *general) if one.enforced == "message"}
    assert words == set(messages.TOKENS)


def test_a_word_without_a_meaning_is_refused() -> None:
    with pytest.raises(errors.BadLaw, match="no meaning"):
        messages.needed([Condition(token="sung_aloud", enforced="message")], Channel.EMAIL)


def test_a_word_that_is_kept_elsewhere_or_not_at_all_asks_nothing_of_a_message() -> None:
    words = [Condition(token="sung_aloud", enforced="not_enforced"), Condition(token="x", enforced="proof")]
    assert messages.needed(words, Channel.EMAIL) == Element.HONEST_KIND


def test_the_elements_fit_in_the_bits_of_a_question() -> None:
    assert max(Element) < 1 << 31
    assert messages.names(sum(Element)) == tuple(str(one.name).lower() for one in Element)


@pytest.mark.parametrize("where", ["DE", "UK", "US", "CA", "AU", "TH", "SA", "EG", "FR", "BR", "IN"])
def test_a_complete_message_lacks_nothing(where: str) -> None:
    assert lacking(where, COMPLETE) == ()


@pytest.mark.parametrize(
    ("where", "change", "missing"),
    [
        ("DE", {"sender_named": False}, ("sender",)),
        ("DE", {"unsubscribe_link": False}, ("opt_out",)),
        ("DE", {"shown_as_advertising": False}, ("advertising",)),
        ("UK", {"unsubscribe_link": False}, ("opt_out",)),
        ("US", {"postal_address": False}, ("postal_address",)),
        ("US", {"subject_honest": False}, ("honest_subject",)),
        ("US", {"header_accurate": False}, ("header",)),
        ("CA", {"contact": False}, ("contact",)),
        ("IL", {}, ("label_he",)),
        ("RU", {}, ("label_ru",)),
    ],
)
def test_a_message_that_lacks_one_thing_is_told_that_thing(
    where: str, change: dict[str, object], missing: tuple[str, ...]
) -> None:
    assert lacking(where, but(**change)) == missing


def test_a_reply_that_is_honoured_is_a_way_out_too() -> None:
    assert lacking("DE", but(unsubscribe_link=False, unsubscribe_reply=True)) == ()


@pytest.mark.parametrize("subject", ["פרסומת: מבצע", "\u200fפרסומת - מבצע", "פרסומת"])
def test_the_hebrew_word_for_advertisement_stands_first_in_the_subject(subject: str) -> None:
    assert lacking("IL", but(subject=subject)) == ()


@pytest.mark.parametrize("subject", ["", "מבצע פרסומת", "פרסומתי", "Advertisement"])
def test_anywhere_else_the_hebrew_word_does_not_count(subject: str) -> None:
    assert lacking("IL", but(subject=subject)) == ("label_he",)


def test_a_text_message_carries_its_label_in_its_first_word_and_has_no_subject() -> None:
    text = but(channel=Channel.SMS, subject="פרסומת", subject_honest=False, header_accurate=False)
    assert lacking("IL", text) == ("label_he",)
    assert lacking("IL", msgspec.structs.replace(text, opening="פרסומת מבצע")) == ()


def test_the_russian_label_may_stand_anywhere_in_any_case() -> None:
    assert lacking("RU", but(subject="Новый сезон. РЕКЛАМА")) == ()


def test_a_label_of_advertising_makes_a_message_recognisable() -> None:
    assert lacking("RU", but(subject="Реклама", shown_as_advertising=False)) == ()


def test_a_service_message_that_promotes_is_marketing_and_its_name_is_a_failing() -> None:
    mixed = but(declared=Declared.SERVICE)
    assert messages.is_marketing(mixed)
    assert lacking("UK", mixed) == ("honest_kind",)
    plain = but(declared=Declared.SERVICE, promotional=False)
    assert not messages.is_marketing(plain)
    assert lacking("UK", plain) == ()
    assert messages.is_marketing(but(promotional=False))


def test_a_message_to_several_countries_carries_what_each_of_them_wants() -> None:
    assert needed(("DE", "US", "IL")) == needed(("DE",)) | needed(("US",)) | needed(("IL",))


def test_federal_rules_on_e_mail_ask_nothing_of_other_media() -> None:
    on = date(2026, 11, 24)
    assert BOOK.message("US", on, Channel.SMS) == ()
    assert needed(("US",), Channel.SMS) == Element.HONEST_KIND
    assert BOOK.message("US-CA", on, Channel.EMAIL) == BOOK.message("US", on) != ()


def test_an_audience_on_a_platform_is_not_a_message() -> None:
    assert needed(("DE",), Channel.ADS_AUDIENCE) == 0


def test_post_shows_the_right_to_object() -> None:
    letter = but(channel=Channel.POST)
    assert lacking("DE", letter) == ()  # Germany's own row says nothing of it; the union's does
    assert lacking("PT", letter) == ("objection",)
    assert lacking("PT", msgspec.structs.replace(letter, objection_shown=True)) == ()


def test_an_incomplete_message_is_refused_and_no_message_is_not_judged() -> None:
    allowed = facts.nobody(0, suppressed=False)._replace(
        known=True,
        granted=True,
        granted_at=NOW - 1,
        granted_by=NOW - 1,
        proof=int(sum(Proof) & ~Proof.GUARDIAN),
    )

    def denied(message: int | None) -> int:
        circumstances = Circumstances(served=("DE",), message=message)
        asked = Question(cell=0, channel=Channel.EMAIL, at=NOW, circumstances=circumstances)
        plan = Plan(BOOK, asked, public_holidays.in_place)
        return rules.deny_bits(allowed, plan.law(Regime(residence="DE")), plan.ask)

    assert denied(None) == 0
    assert denied(messages.inspect(COMPLETE)) == 0
    assert denied(messages.inspect(but(sender_named=False))) == INCOMPLETE
