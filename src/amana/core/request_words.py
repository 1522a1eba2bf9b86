"""Request words: what somebody asks of us in a letter of their own, read in five languages.

Rule.
- A kind is read from phrases that name the act and what it is done to ("delete my data"), or from an article of the
  GDPR by its number. A letter that names exactly one kind is that kind; one that names several, or none, or takes a
  phrase back ("do not delete my data"), or speaks for somebody else, is for a person to read. Nothing is guessed.
- Letters are compared without case, vowel points and the variants of alef; Hebrew, Arabic and Thai join words, so that
  phrases are found inside them, and elsewhere at the beginning of a word.
- The language is told by the script of most letters, for the answer.
"""

from __future__ import annotations

import re
import unicodedata

from amana.core.rights import Kind

LONGEST = 4_000  # characters of a letter that are read

_PHRASES: dict[Kind, str] = {
    Kind.ACCESS: """
        copy of my data | copy of my personal data | copy of my information | copy of all my data
        copy of all data you | copy of everything you | access to my data | access to my personal data
        subject access request | data access request | access my personal data | dsar
        what data you hold | what data you have | what data do you | what information you hold
        what information you have | what information do you | what personal data you | what personal data do you
        עותק של המידע | עותק מהמידע | עותק של הנתונים | עותק מהנתונים | העתק של המידע | העתק של הנתונים
        לעיין במידע | לעיין בנתונים | עיון במידע | בקשת עיון | איזה מידע אתם | איזה מידע יש לכם | איזה מידע שמור
        איזה מידע מוחזק | אילו נתונים
        نسخة من بياناتي | نسخة من معلوماتي | نسخة من جميع بياناتي | نسخة من كل بياناتي | الاطلاع على بياناتي
        الوصول الى بياناتي | ما البيانات التي | ما هي البيانات التي | ما المعلومات التي | ما هي المعلومات التي
        สำเนาข้อมูล | เข้าถึงข้อมูล | ขอดูข้อมูล | ข้อมูลอะไรของฉัน | ข้อมูลอะไรเกี่ยวกับฉัน
        копию моих данных | копию моих персональных данных | копию всех моих | копию персональных данных
        доступ к моим данным | доступ к моим персональным | какие данные вы | какие персональные данные вы
        какие данные обо мне | какие сведения обо мне | какую информацию обо мне
    """,
    Kind.PORTABILITY: """
        data portability | port my data | machine-readable | machine readable | transfer my data to
        right to portability
        ניוד הנתונים | ניוד נתונים | ניוד המידע | ניוד מידע | להעביר את הנתונים שלי אל | לקריאת מכונה
        قابلية نقل البيانات | نقل بياناتي الى | مقروءة اليا
        โอนย้ายข้อมูล | โอนข้อมูลของฉัน | เครื่องอ่านได้
        переносимость данных | перенос моих данных | перенести мои данные | машиночитаем
    """,
    Kind.RECTIFICATION: """
        correct my data | correct my personal | correct my name | correct my address | correct my details
        correct the data | rectify | rectification | my name is wrong | my address is wrong | my data is wrong
        my data are wrong | is misspelled | is misspelt | update my name | update my address | update my details
        לתקן את הנתונים | לתקן את המידע | לתקן את השם | לתקן את הכתובת | תיקון המידע | תיקון הנתונים | תקנו את
        שמי שגוי | הכתובת שלי שגויה
        تصحيح بياناتي | صححوا بياناتي | تصحيح اسمي | تصحيح عنواني | اسمي خطا | عنواني خطا
        แก้ไขข้อมูล | แก้ไขชื่อ | แก้ไขที่อยู่
        исправить мои данные | исправьте мои данные | исправить мое имя | исправьте мое имя
        исправление моих данных
        исправить мой адрес | исправьте мой адрес | уточнить мои данные
    """,
    Kind.ERASURE: """
        delete my data | delete my account | delete my personal | delete my information | delete my details
        delete all my | delete everything | delete all data | delete all of my | delete me | deletion of my
        erase my | erase me | erase all | erasure of | right to erasure | request erasure | data erasure
        remove my data | remove my personal
        remove my account | remove my information | remove all my | right to be forgotten | forget me
        למחוק את הנתונים | למחוק את המידע | למחוק את כל | למחוק את החשבון | למחוק את פרטי | למחוק אותי
        מחיקת הנתונים | מחיקת המידע | מחיקת החשבון | מחיקת פרטי | מחקו את | תמחקו את | מחקו אותי | תמחקו אותי
        הזכות להישכח
        حذف بياناتي | حذف جميع بياناتي | حذف كل بياناتي | احذفوا بياناتي | احذفوا كل بياناتي | حذف حسابي
        احذفوا حسابي | محو بياناتي | امحوا بياناتي | مسح بياناتي | امسحوا بياناتي | الحق في النسيان
        ลบข้อมูล | ลบบัญชี | สิทธิที่จะถูกลืม
        удалить мои данные | удалите мои данные | удалить все мои | удалите все мои | удаление моих данных
        удаления моих данных | удалить мой аккаунт | удалите мой аккаунт | удалить меня | удалите меня
        удалить мои персональные | удалите мои персональные | удалить персональные | право на забвение
    """,
    Kind.RESTRICTION: """
        restrict the processing | restrict processing | restriction of processing | restrict my data
        restrict the use of | freeze my data | limit the processing | suspend the processing
        להגביל את העיבוד | הגבלת העיבוד | הגבלת עיבוד | להגביל את השימוש | הגבלת השימוש | להקפיא את המידע
        להקפיא את הנתונים
        تقييد معالجة | تقييد المعالجة | تجميد بياناتي
        ระงับการใช้ข้อมูล | จำกัดการประมวลผล | ระงับการประมวลผล
        ограничить обработку | ограничьте обработку | ограничение обработки | ограничения обработки
        заморозить мои данные
    """,
    Kind.OBJECTION: """
        i object to | object to the processing | object to processing | object to direct marketing
        object to marketing | object to profiling | stop using my data | stop processing my | stop direct marketing
        do not use my data | don't use my data | objection to processing | no more marketing
        מתנגד לעיבוד | מתנגדת לעיבוד | מתנגד לשימוש | מתנגדת לשימוש | מתנגד לדיוור | מתנגדת לדיוור
        להפסיק להשתמש במידע | להפסיק להשתמש בנתונים | הפסיקו להשתמש | התנגדות לעיבוד
        اعترض على | الاعتراض على | توقفوا عن استخدام بياناتي | لا تستخدموا بياناتي
        คัดค้านการ | ขอคัดค้าน | หยุดใช้ข้อมูล | ห้ามใช้ข้อมูล
        возражаю против | возражение против | прекратите использовать мои | против обработки моих
        не используйте мои данные
    """,
    Kind.WITHDRAWAL: """
        withdraw my consent | withdraw consent | withdraw all consent | withdraw all my consent
        withdraw any consent | revoke my consent | revoke consent | revoke all consent | take back my consent
        withdrawal of consent
        לבטל את ההסכמה | לבטל את הסכמתי | ביטול ההסכמה | ביטול הסכמה | חוזר בי מהסכמתי | חוזרת בי מהסכמתי
        חוזר בי מההסכמה | חוזרת בי מההסכמה | למשוך את הסכמתי | מבטל את הסכמתי | מבטלת את הסכמתי
        سحب موافقتي | اسحب موافقتي | الغاء موافقتي | الغي موافقتي
        ถอนความยินยอม | เพิกถอนความยินยอม | ยกเลิกความยินยอม
        отзываю согласие | отзываю свое согласие | отозвать согласие | отозвать свое согласие | отзыв согласия
        отзываю мое согласие
    """,
}
_FOR_ANOTHER = """
    on behalf of | power of attorney | my client | as the representative of | as the lawyer
    בשם לקוח | בשמו של | בשמה של | ייפוי כוח | יפוי כח | מרשי | מרשתי
    نيابة عن | بالنيابة عن | وكالة عن | موكلي
    ในนามของ | หนังสือมอบอำนาจ | ลูกความ
    от имени | по доверенности | моего клиента | мой клиент | моего доверителя
"""
_NOT = frozenset(
    {"not", "don't", "dont", "never", "didn't", "without"}
    | {"אל", "לא", "בלי", "لا", "لم", "بدون", "ไม่", "อย่า", "ห้าม", "не", "нельзя", "без"}
)
_STOPPED = frozenset({Kind.RESTRICTION, Kind.OBJECTION, Kind.WITHDRAWAL})
_ARTICLES = {
    15: Kind.ACCESS,
    16: Kind.RECTIFICATION,
    17: Kind.ERASURE,
    18: Kind.RESTRICTION,
    20: Kind.PORTABILITY,
    21: Kind.OBJECTION,
}
_ARTICLE = re.compile(
    r"\b(?:articles?|art\.?|статья|статьи|статье|ст\.|סעיף|المادة|มาตรา)\s*(1[5-8]|2[01])\b"
)
_GDPR = re.compile(r"gdpr|general data protection regulation|2016/679|регламент")
_MARKS = re.compile("[\u0591-\u05c7\u064b-\u0652\u0640\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SAME = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ё": "е", "’": "'", "`": "'"})
_SCRIPTS = (
    ("he", "\u0590", "\u05ff"),
    ("ar", "\u0600", "\u06ff"),
    ("th", "\u0e00", "\u0e7f"),
    ("ru", "\u0400", "\u04ff"),
)
BEFORE = 24  # characters before a phrase in which a word takes it back


def read(text: str) -> Kind | None:
    """What a letter asks for; None where a person has to read it."""
    letter = _folded(text[:LONGEST])
    if any(_places(letter, one) for one in _OTHERS):
        return None
    found: set[Kind] = set()
    for kind, phrases in _FOLDED.items():
        for phrase in phrases:
            for place in _places(letter, phrase):
                if kind not in _STOPPED and _is_taken_back(letter, place):
                    return None
                found.add(kind)
    if _GDPR.search(letter):
        found |= {_ARTICLES[int(one)] for one in _ARTICLE.findall(letter) if int(one) in _ARTICLES}
    return found.pop() if len(found) == 1 else None


def language(text: str) -> str:
    """The language of a letter by its script; English for the Latin one."""
    counts = {
        name: sum(first <= letter <= last for letter in text[:LONGEST]) for name, first, last in _SCRIPTS
    }
    best = max(counts, key=lambda name: counts[name])
    latin = sum(letter.isascii() and letter.isalpha() for letter in text[:LONGEST])
    return best if counts[best] > latin // 2 and counts[best] else "en"


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_SAME)
    return " ".join(_MARKS.sub("", plain).split())


def _listed(text: str) -> tuple[str, ...]:
    return tuple(_folded(one) for line in text.splitlines() for one in line.split("|") if one.strip())


def _places(letter: str, phrase: str) -> list[int]:
    """Where a phrase stands: in Latin and Cyrillic letters only at the beginning of a word."""
    at, found = letter.find(phrase), []
    inside = phrase[0] > "\u0590"
    while at >= 0:
        if inside or at == 0 or not letter[at - 1].isalnum():
            found.append(at)
        at = letter.find(phrase, at + 1)
    return found


def _is_taken_back(letter: str, place: int) -> bool:
    """Whether a word of denial stands right before a phrase, in the same sentence."""
    before = re.split(r"[.!?;\n]", letter[max(0, place - BEFORE) : place])[-1]
    joined = any(before.rstrip().endswith(one) for one in ("ไม่", "อย่า", "ห้าม"))
    return joined or not _NOT.isdisjoint(re.findall(r"[^\s,:()\"]+", before)[-3:])


_FOLDED = {kind: _listed(text) for kind, text in _PHRASES.items()}
_OTHERS = _listed(_FOR_ANOTHER)
