"""One contact point has one spelling, in every script; what cannot be read says why and never what."""

from __future__ import annotations

import email_validator
import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from amana.core import contact_points
from amana.core.contact_points import Email, Phone, PointProblem
from amana.errors import BadInput

COUNTRIES = ["IL", "SA", "AE", "TH", "RU", "DE", "GB", "US", "FR"]


def email(text: str) -> Email:
    read = contact_points.read_email(text)
    assert isinstance(read, Email), read
    return read


def phone(text: str, country: str | None = None) -> Phone:
    read = contact_points.read_phone(text, country)
    assert isinstance(read, Phone), read
    return read


def example_mobile(country: str) -> phonenumbers.PhoneNumber:
    number = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    return number


# --- e-mail


def test_the_local_part_keeps_its_case_for_sending_and_loses_it_in_the_key() -> None:
    read = email("Dana.Levi@Example.COM")
    assert read.address == "Dana.Levi@example.com"
    assert read.key == "dana.levi@example.com"
    assert read.domain == "example.com"


@pytest.mark.parametrize(
    ("text", "key", "display"),
    [
        ("דנה@דוגמה.example", "דנה@xn--6dbbec0c.example", "דנה@דוגמה.example"),
        ("مثال@مثال.example", "مثال@xn--mgbh0fb.example", "مثال@مثال.example"),
        ("ไทย@ตัวอย่าง.example", "ไทย@xn--72c1a1bt4awk9o.example", "ไทย@ตัวอย่าง.example"),
        ("ИВАН@Пример.example", "иван@xn--e1afmkfd.example", "ИВАН@пример.example"),
        ("Ana@BÜCHER.example", "ana@xn--bcher-kva.example", "Ana@bücher.example"),
    ],
)
def test_addresses_in_five_scripts_have_an_ascii_domain_to_send_to_and_their_own_to_show(
    text: str, key: str, display: str
) -> None:
    read = email(text)
    assert (read.key, read.display) == (key, display)
    assert read.domain.isascii()
    assert read.address == read.display.rpartition("@")[0] + "@" + read.domain


def test_both_spellings_of_a_domain_have_one_key() -> None:
    assert email("ana@bücher.example").key == email("ana@XN--BCHER-KVA.example").key


def test_composed_and_decomposed_letters_have_one_key() -> None:
    assert email("Å@example.com").key == email("A\u030a@example.com").key == "å@example.com"


def test_case_does_not_matter_under_marks_either() -> None:
    small, capital = "α\u0323\u0301\u0345", "Α\u0323\u0301\u0345"
    assert email(f"{small}@example.com").key == email(f"{capital}@example.com").key


@pytest.mark.parametrize("domain", ["example.com", "shop.example", "mail.test", "example.org"])
def test_reserved_names_are_addresses_like_any_other(domain: str) -> None:
    assert email(f"dana@{domain}").domain == domain


@pytest.mark.parametrize("edge", [" ", "\t", "\u00a0", "\u200f", "\ufeff", "\u202b"])
def test_marks_that_cling_to_cells_are_dropped(edge: str) -> None:
    assert email(f"{edge}dana@example.com{edge}") == email("dana@example.com")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", PointProblem.EMPTY),
        (" \u200f ", PointProblem.EMPTY),
        ("dana", PointProblem.SYNTAX),
        ("@example.com", PointProblem.SYNTAX),
        ("dana@", PointProblem.SYNTAX),
        ("dana@@example.com", PointProblem.SYNTAX),
        ("dana..levi@example.com", PointProblem.SYNTAX),
        ("dana@example.com, levi@example.com", PointProblem.SYNTAX),
        ("Dana <dana@example.com>", PointProblem.SYNTAX),
        ("dana\u202elevi@example.com", PointProblem.SYNTAX),
        ("dana\ud800@example.com", PointProblem.SYNTAX),
        ("dana@example", PointProblem.DOMAIN),
        ("dana@test", PointProblem.DOMAIN),
        ("dana@example..com", PointProblem.DOMAIN),
        ("dana@10.0.0.1", PointProblem.DOMAIN),
        ("dana@ab--cd.example", PointProblem.DOMAIN),
        ("dana@printer.local", PointProblem.DOMAIN),
        ("dana@shop.invalid", PointProblem.DOMAIN),
        ("d" * 250 + "@example.com", PointProblem.TOO_LONG),
        ("ד" * 130 + "@example.com", PointProblem.TOO_LONG),
    ],
)
def test_an_unreadable_address_says_why(text: str, problem: PointProblem) -> None:
    assert contact_points.read_email(text) is problem


def test_the_error_names_the_reason_and_never_the_address() -> None:
    with pytest.raises(BadInput) as caught:
        contact_points.normalise_email("dana.levi@nowhere")
    assert caught.value.got == "domain"
    assert "dana" not in str(caught.value)
    assert contact_points.normalise_email("dana@example.com") == email("dana@example.com")


def test_a_refusal_of_a_tagged_address_is_also_one_of_the_address() -> None:
    assert contact_points.suppression_keys(email("Ana+Shop@example.com")) == (
        "ana+shop@example.com",
        "ana@example.com",
    )
    assert contact_points.suppression_keys(email("ana@example.com")) == ("ana@example.com",)
    assert contact_points.suppression_keys(email("+ana@example.com")) == ("+ana@example.com",)


MAILISH = st.builds(
    lambda local, domain: f"{local}@{domain}",
    st.text("abzABZ019_+-.'!", min_size=1, max_size=12) | st.sampled_from(["Info", "POSTMASTER", "www"]),
    st.text("abzAZ09-.", min_size=1, max_size=12)
    | st.sampled_from(["a.local", "b.ARPA", "x.onion", "a.test", "example.com", "a--b.example", "ab--c.com"])
    | st.integers(60, 66).map(lambda size: "a" * size + ".com"),
)


@given(MAILISH)
@example("Info@Example.com")
@example("a" * 242 + "@example.com")
@example("a" * 243 + "@example.com")
def test_the_fast_reading_of_plain_addresses_is_the_librarys(text: str) -> None:
    read = contact_points.read_email(text)
    try:
        known = email_validator.validate_email(text, check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError:
        assert isinstance(read, PointProblem)
        return
    assert isinstance(read, Email)
    assert read.address == known.ascii_email
    assert read.display == known.normalized
    assert read.key == known.normalized.lower()


LETTERS = st.text(
    st.sampled_from("abZ.+-_09äÄßİıſKÅᾼΣςéдЖйאבשםمثاءไทยก็์ก่")
    | st.sampled_from(["\u0301", "\u0308", "\u030a", "\u0345", "\u05b8", "\u064b"])
    | st.characters(categories=["Lu", "Ll", "Lo", "Mn", "Nd"]),
    min_size=1,
    max_size=12,
)
DOMAINS = [f"{name}.example" for name in ("shop", "דוגמה", "مثال", "ตัวอย่าง", "ПРИМЕР", "Straße")]


@given(LETTERS, st.sampled_from(DOMAINS))
@example("İ", "shop.example")
@example("ᾼ\u0345", "shop.example")
def test_reading_what_was_read_changes_nothing(local: str, domain: str) -> None:
    read = contact_points.read_email(f"{local}@{domain}")
    assume(isinstance(read, Email))
    assert isinstance(read, Email)
    assert email(read.address) == read
    assert email(read.display) == read
    assert email(read.key).key == read.key


@given(st.text(max_size=40))
def test_no_text_makes_reading_fail(text: str) -> None:
    assert isinstance(contact_points.read_email(text), Email | PointProblem)
    assert isinstance(contact_points.read_phone(text, "IL"), Phone | PointProblem)


# --- phone


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("form", [0, 1, 2, 3])
def test_every_written_form_of_a_mobile_number_is_one_e164(country: str, form: int) -> None:
    number = example_mobile(country)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if form == phonenumbers.PhoneNumberFormat.RFC3966:
        written = e164.replace("+", "00")
    else:
        written = phonenumbers.format_number(number, form)
    read = phone(written, country)
    assert read.e164 == e164
    assert read.country == country
    assert read.mobile is (None if country == "US" else True)


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_fixed_line_is_not_a_mobile(country: str) -> None:
    number = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.FIXED_LINE)
    assert number is not None
    read = phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    assert read.mobile is (None if country == "US" else False)


@pytest.mark.parametrize(
    "text",
    [
        "٠٥٠-٢٣٤-٥٦٧٨",
        "๐๕๐ ๒๓๔ ๕๖๗๘",
        "\u200f050-234-5678\u200f",
        "\u202a+972 50-234-5678\u202c",
        "972502345678+",
        "＋９７２ ５０ ２３４ ５６７８",
        "00972 50 234 5678",
        "(00972) 50-234-5678",
        "+972 (0)50-234-5678",
        "972502345678",
        "972502345678.0",
        "050/2345678",
    ],
)
def test_a_number_is_read_however_its_cell_was_written(text: str) -> None:
    assert phone(text, "IL").e164 == "+972502345678"


def test_a_plus_that_a_right_to_left_cell_put_last_is_read_as_the_first() -> None:
    assert phone("972502345678+").e164 == "+972502345678"


def test_two_zeros_mean_abroad_only_in_front() -> None:
    assert phone("+44 7400 123456").e164 == "+447400123456"
    assert phone("0011 972 50 234 5678", "AU").e164 == "+972502345678"  # the Australian way to dial abroad


def test_a_zero_that_belongs_to_an_italian_number_stays() -> None:
    assert phone("00390236618300").e164 == "+390236618300"


def test_a_number_of_no_country_has_none() -> None:
    assert phone("+80012345678") == Phone(e164="+80012345678", country="", mobile=False)


def test_uk_is_understood_as_gb() -> None:
    assert phone("07400 123456", "UK").country == "GB"


@pytest.mark.parametrize(
    ("text", "country", "problem"),
    [
        ("", "IL", PointProblem.EMPTY),
        ("\u200f", "IL", PointProblem.EMPTY),
        ("call me", "IL", PointProblem.NOT_A_NUMBER),
        ("-", "IL", PointProblem.NOT_A_NUMBER),
        ("9.72502E+11", "IL", PointProblem.NOT_A_NUMBER),
        ("050-234-5678 ext 4", "IL", PointProblem.NOT_A_NUMBER),
        ("050-234-5678 # 4", "IL", PointProblem.NOT_A_NUMBER),
        ("050-234-5678", None, PointProblem.NO_COUNTRY),
        ("050-234-5678", "XX", PointProblem.NO_COUNTRY),
        ("+999 123456", None, PointProblem.NOT_POSSIBLE),
        ("+97250", None, PointProblem.NOT_POSSIBLE),
        ("050-234-5678 / 050-234-5679", "IL", PointProblem.NOT_POSSIBLE),
        ("+447700900123", None, PointProblem.NOT_VALID),
        ("0" * 65, "IL", PointProblem.TOO_LONG),
    ],
)
def test_an_unreadable_number_says_why(text: str, country: str | None, problem: PointProblem) -> None:
    assert contact_points.read_phone(text, country) is problem


def test_the_error_for_a_number_never_shows_it() -> None:
    with pytest.raises(BadInput) as caught:
        contact_points.normalise_phone("+447700900123")
    assert caught.value.got == "not_valid"
    assert "900123" not in str(caught.value)
    assert contact_points.normalise_phone("+447400123456").country == "GB"


@given(st.from_regex(r"\+(972|966|971|66|7|49|44|1|33|39|800)[0-9]{6,11}", fullmatch=True))
def test_a_number_is_read_exactly_if_the_library_calls_it_possible_and_valid(text: str) -> None:
    read = contact_points.read_phone(text)
    number = phonenumbers.parse(text)
    good = phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)
    assert isinstance(read, Phone) == good
    if isinstance(read, Phone):
        assert phone(read.e164) == read
        assert phone(read.e164.replace("+", "00"), "US") == read
