"""Reply words: what a whole text message of one word means, in five languages.

Rule. Only the whole message counts, trimmed of spaces, quotes and full stops, in any case: a *stop* inside a sentence is
for a person to read. STOP words leave, START words lift a block of the channel and nothing more, HELP words ask who is
writing. The English and French words are those that carriers and Twilio know; the Hebrew, Arabic, Thai and Russian ones
are the words that senders in those countries print beside their messages.
"""

from __future__ import annotations

import unicodedata
from enum import Enum


class ReplyWord(Enum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_STOP = (
    "stop stopall unsubscribe cancel end quit revoke optout opt-out arret arrete arrêt הסר הסירו עצור "
    "إلغاء الغاء توقف إيقاف ايقاف ยกเลิก หยุด стоп отписаться отписка отмена"
)
_START = "start unstop yes התחל המשך ابدأ اشتراك เริ่ม สมัคร старт"
_HELP = "help info עזרה مساعدة ช่วยเหลือ помощь справка"
_AROUND = " \t\r\n.,!?\"'«»“”„’‘*-–—\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_MEANING = {
    unicodedata.normalize("NFC", word).casefold(): meaning
    for meaning, words in ((ReplyWord.STOP, _STOP), (ReplyWord.START, _START), (ReplyWord.HELP, _HELP))
    for word in words.split()
}


def read(text: str) -> ReplyWord | None:
    """What a whole message means; None for anything that is not one of the words."""
    return _MEANING.get(unicodedata.normalize("NFC", text).strip(_AROUND).casefold())
