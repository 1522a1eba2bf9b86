"""Whether the values of a column are names of people: by their shape, and by how they differ.

Rule.
- A value has the shape of a name if it is two to four words of letters, with no digit, each beginning with a capital
  where its script has them; small words between them (van, de, bin) and initials do not count.
- A column has it if most values do and they differ: the names of ten cities, said a thousand times, do not.
- Many things that are no people have the shape as well (Walnut Desk Lamp). So the shape is believed where the column's
  name says the same, and otherwise only where common given names are among the words, and neither the column nor its
  table is named after a thing.
- It is a guess in every case, and said to be one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

SHAPED = 0.6  # share of values that have the shape, where the column's name says so too
SHAPED_ALONE = 0.8  # … where it does not
DIFFERENT = 0.3  # distinct values in all, where the column's name says so too: customers come back
DIFFERENT_ALONE = 0.5
GIVEN = 0.1  # share of values with a common given name, where nothing else says so
FEWEST = 10  # values below which nothing is said by shape alone
LONGEST = 60  # characters

LETTER: Final = "(?:[^\\W\\d_]|[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])"
"""A letter or a mark on one, as an expression: in Thai, and in pointed Hebrew and Arabic, a word is full of marks."""
_PART = re.compile(f"{LETTER}+(?:['’.-]{LETTER}*)*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SMALL = _words(
    "van von der den de del della di da do dos das du la le el al bin ibn bint ben bat of y e und zu zur "
    "af av"
)

SAYING: Final = _words(
    "name names contact customer client recipient consignee addressee attention attn payer buyer person "
    "participant guest member subscriber author owner employee user kontakt ansprechpartner kunde "
    "empfänger name1 name2 destinataire cliente contacto destinatario שם קשר לקוח נמען מזמין משתתף اسم "
    "الاسم عميل العميل زبون مستلم المستلم جهة ชื่อ ชื่อลูกค้า ชื่อผู้รับ ลูกค้า ผู้ติดต่อ ผู้รับ имя контакт клиент получатель заказчик "
    "покупатель участник"
)
"""Words of a column's name that may mean a person, and as often a thing: the values decide."""

OF_THINGS: Final = _words(
    "id ids no nr number numbers num code codes key count type status state group date at since until "
    "product products produkt produkte item items article articles artikel sku goods brand brands "
    "category categories catalogue catalog title city cities town country countries region regions state "
    "street place places store stores shop shops branch warehouse campaign campaigns colour color size "
    "material company companies supplier vendor manufacturer department departments file files page pages "
    "tag tags topic topics course courses event events model models hotel hotels venue venues ort stadt "
    "land מוצר מוצרים עיר מדינה חברה קטגוריה منتج منتجات مدينة بلد شركة فئة สินค้า เมือง ประเทศ บริษัท "
    "товар товары город страна компания категория"
)
"""Words of a table's or column's name that mean a thing."""

# A few hundred given names that are common in the languages the product speaks, and their neighbours.
_COMMON = _words(
    "mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra "
    "margaret ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca laura "
    "helen sharon cynthia kathleen amy angela shirley anna ruth brenda pamela nicole katherine samantha "
    "christine emma catherine debra rachel carolyn janet maria heather diane julie joyce victoria kelly "
    "christina joan evelyn lauren judith olivia megan hannah alice sophie chloe lucy grace charlotte "
    "amelia isla ella mia james john robert michael david william richard joseph thomas charles "
    "christopher daniel matthew anthony mark donald steven paul andrew joshua kenneth kevin brian george "
    "edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin "
    "scott brandon benjamin samuel gregory frank alexander raymond patrick jack dennis jerry tyler aaron "
    "jose adam nathan henry douglas zachary peter kyle oliver harry charlie oscar leo arthur noah liam "
    "lucas ethan simon martin ian tom tim ben sam dan ann anne jane kate ursula sabine petra monika "
    "claudia susanne karin stefanie katharina julia lena lea jana nina heike anja hans klaus wolfgang "
    "jürgen stefan andreas thorsten uwe dieter holger jens lukas felix jonas maximilian matthias marie "
    "nathalie isabelle sylvie camille léa manon jean pierre michel philippe alain nicolas julien antoine "
    "luc carmen ana isabel lucía marta sofia sofía antonio manuel josé francisco javier carlos juan "
    "miguel pedro luis giulia francesca chiara paola giovanni giuseppe marco luca andrea matteo paolo "
    "inês ines joão tiago rui agnieszka katarzyna piotr krzysztof jan pieter johan lars anders erik "
    "ingrid astrid mette søren noa noam tamar yael maya shira michal dana leah itai yonatan omer uri "
    "yosef moshe avi yitzhak fatima aisha mariam maryam layla leila zainab khadija huda nour noor "
    "mohammed muhammad mohamed ahmed ali omar hassan hussein khalid ibrahim yusuf abdullah mahmoud "
    "mustafa karim youssef somchai somsak nok malee siriporn niran arthit kanya pim elena olga tatiana "
    "natalia irina svetlana ekaterina anastasia ivan sergey sergei dmitry alexey andrey vladimir mikhail "
    "arun priya anita ravi sanjay rahul wei li ming mei yuki hiroshi kenji sakura נועה תמר יעל מאיה שירה "
    "מיכל דנה רחל לאה קרן נעמי איתי יונתן דניאל עומר אורי גיל משה דוד אבי יוסף יצחק שרה חנה محمد أحمد "
    "احمد علي عمر حسن حسين خالد إبراهيم يوسف عبدالله محمود مصطفى فاطمة عائشة مريم ليلى زينب خديجة هدى نور "
    "سارة สมชาย สมศักดิ์ สมหญิง มาลี ศิริพร นิรันดร์ อาทิตย์ กัญญา ประเสริฐ วิชัย สุดา анна мария елена "
    "ольга татьяна наталья ирина светлана екатерина анастасия иван сергей дмитрий алексей андрей "
    "александр владимир михаил николай павел"
)


def has_shape(value: str) -> bool:
    """Whether a value could be somebody's whole name, as it is written."""
    text = value.replace(",", " ").strip()
    words = [word for word in text.split() if word.lower() not in _SMALL]
    return (
        len(text) <= LONGEST
        and 2 <= len(words) <= 4
        and any(len(word) > 2 for word in words)
        and all(_PART.fullmatch(word) and _begins(word) for word in words)
    )


def has_given_name(value: str) -> bool:
    """Whether one of a value's words is a common given name."""
    return any(word.strip(",.").lower() in _COMMON for word in value.split())


def share(values: Sequence[str], words: frozenset[str], table: frozenset[str]) -> float:
    """The share of values that are names, judged as the rule says; 0 where they are held to be no names.

    `words` are those of the column's name, `table` those of its table's. Empty values are left out before.
    """
    if not values or words & OF_THINGS:
        return 0.0
    shaped = [value for value in values if has_shape(value)]
    found, different = len(shaped) / len(values), len(set(values)) / len(values)
    if words & SAYING and not table & OF_THINGS:
        return found if found >= SHAPED and (different >= DIFFERENT or len(values) < FEWEST) else 0.0
    given = sum(map(has_given_name, shaped)) / len(values)
    alone = len(values) >= FEWEST and found >= SHAPED_ALONE and different >= DIFFERENT_ALONE
    return found if alone and given >= GIVEN and not table & OF_THINGS else 0.0


def _begins(word: str) -> bool:
    first = word[0]
    return first.isupper() or not (first.islower() or first.isupper())
