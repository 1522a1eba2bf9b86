"""A country is one file: Switzerland, added as docs/adding-a-country.md says, with its rows told apart by a test each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from amana.core.packs import LawBook, LawRule
from amana.core.vocabulary import Basis, Channel, Confidence, Mark, SubjectType

Look = Callable[..., LawRule]
ON = "2026-11-24"


def test_swiss_mass_advertising_needs_consent_from_companies_too(rule: Look) -> None:
    for channel in ("email", "sms", "phone_auto"):
        for subject in SubjectType:
            assert rule("CH", channel, ON, subject.value).basis is Basis.OPT_IN


def test_own_swiss_customers_may_get_messages_but_no_automatic_calls(rule: Look) -> None:
    assert [one.id for one in rule("CH", "email", ON).exceptions] == ["CH.own_customers"]
    assert rule("CH", "phone_auto", ON).exceptions == ()


def test_a_swiss_call_needs_consent_because_the_directory_is_not_read(rule: Look) -> None:
    assert rule("CH", "phone_live", ON).basis is Basis.OPT_IN
    assert rule("CH", "post", ON).basis is Basis.OPT_OUT


def test_a_swiss_message_names_its_sender_and_the_way_out(book: LawBook) -> None:
    asked = {one.token for one in book.message("CH", date.fromisoformat(ON), Channel.EMAIL)}
    assert asked == {"sender_identity", "clear_opt_out"}


def test_what_nobody_read_says_so(book: LawBook) -> None:
    swiss = [row for row in book.rows() if row.jurisdiction == "CH"]
    assert {row.mark for row in swiss} == {Mark.BELIEVED}
    assert Confidence.HIGH not in {row.confidence for row in swiss}
    unconfirmed = {one.where for one in book.check() if one.kind == "unconfirmed"}
    assert {row.id for row in swiss} <= unconfirmed
