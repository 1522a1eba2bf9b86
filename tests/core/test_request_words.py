"""What a letter asks is read where it says so plainly, in five languages, and left to a person where it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana.core import request_words
from amana.core.rights import Kind

PLAIN = [
    (Kind.ACCESS, "en", "Hello, please send me a copy of all data you hold about me. Thanks, Ann"),
    (Kind.ACCESS, "en", "Under Article 15 of the GDPR I write to you."),
    (Kind.ACCESS, "he", "שלום, אבקש לקבל עותק של המידע השמור אצלכם. תודה"),
    (Kind.ACCESS, "ar", "أرجو إرسال نُسخة من بياناتي الشخصية."),
    (Kind.ACCESS, "th", "สวัสดีค่ะ ขอสำเนาข้อมูลส่วนบุคคลของดิฉันค่ะ"),
    (Kind.ACCESS, "ru", "Здравствуйте! Какие данные обо мне вы храните?"),
    (Kind.PORTABILITY, "en", "I want my data in a machine-readable format."),
    (Kind.PORTABILITY, "he", "אני מבקש ניוד נתונים לספק אחר"),
    (Kind.RECTIFICATION, "en", "My name is misspelled, it is Ann with two n."),
    (Kind.RECTIFICATION, "ru", "Прошу исправить моё имя."),
    (Kind.ERASURE, "en", "PLEASE DELETE MY ACCOUNT!"),
    (Kind.ERASURE, "en", "Delete everything you know about me"),
    (Kind.ERASURE, "he", "אני מבקשת למחוק את כל המידע שיש לכם עליי"),
    (Kind.ERASURE, "ar", "أطلب حذف جميع بياناتي"),
    (Kind.ERASURE, "th", "กรุณาลบข้อมูลของฉัน"),
    (Kind.ERASURE, "ru", "Удалите мои данные, пожалуйста."),
    (Kind.RESTRICTION, "en", "Please restrict the processing of what you hold."),
    (Kind.RESTRICTION, "ar", "أطلب تقييد معالجة بياناتي"),
    (Kind.OBJECTION, "en", "Please don’t use my data for advertising."),
    (Kind.OBJECTION, "he", "אני מתנגדת לעיבוד המידע"),
    (Kind.OBJECTION, "th", "ขอคัดค้านการใช้ข้อมูล"),
    (Kind.WITHDRAWAL, "en", "I withdraw my consent."),
    (Kind.WITHDRAWAL, "ru", "Отзываю своё согласие."),
    (Kind.WITHDRAWAL, "th", "ขอถอนความยินยอม"),
]


@pytest.mark.parametrize(("kind", "language", "letter"), PLAIN)
def test_a_letter_that_says_it_plainly_is_read_with_its_language(
    kind: Kind, language: str, letter: str
) -> None:
    assert request_words.read(letter) is kind
    assert request_words.language(letter) == language


@pytest.mark.parametrize(
    "letter",
    [
        "",
        "Hello, how are you?",
        "Where is my parcel? I paid last week.",
        "Please do not delete my data.",
        "Never delete my account, I only want fewer letters.",
        "אל תמחקו את החשבון שלי",
        "لا أريد حذف بياناتي",
        "อย่าลบข้อมูลของฉัน",
        "Прошу не удалять, не удалите мои данные",
        "Send me a copy of my data and delete my account afterwards.",
        "On behalf of my client I ask you to delete all data.",
        "По доверенности прошу удалить мои данные",
        "Article 17 of our contract says something else.",
    ],
)
def test_a_letter_that_is_not_clear_is_left_to_a_person(letter: str) -> None:
    assert request_words.read(letter) is None


@pytest.mark.parametrize("kind", list(Kind))
def test_every_phrase_of_a_kind_is_read_as_that_kind_wherever_it_stands(kind: Kind) -> None:
    phrases = request_words._FOLDED[kind]
    assert phrases
    for phrase in phrases:
        assert request_words.read(f"Dear Sirs: {phrase.upper()}, please.") in (kind, None), phrase
    plain = [one for one in phrases if request_words.read(f"x {one}.") is kind]
    assert len(plain) >= len(phrases) - 2  # a phrase may hold one of another kind, and is then for a person


@given(st.text(max_size=300))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert request_words.read(text) in (None, *Kind)
    assert request_words.language(text) in ("en", "he", "ar", "th", "ru")
