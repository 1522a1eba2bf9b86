"""Given and family names in six languages, each with a plain Latin spelling for addresses.

Rule: a name is chosen by the person's language, not by the country, and is written in the script of that
language. The lists are short and our own: common names and common words, combined at random, so that a full
name points to nobody. A Russian family name takes its feminine form; the other languages use one form for
everybody.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """One name as it is written, and in lower-case ASCII for the local part of an address."""

    written: str
    latin: str


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The names of one language."""

    feminine: tuple[Name, ...]
    masculine: tuple[Name, ...]
    family: tuple[Name, ...]
    inflects: bool = False  # the family name has a feminine form in -a


def _names(text: str) -> tuple[Name, ...]:
    """Read `written:latin` pairs; a name that is ASCII already needs no second spelling."""
    found = []
    for word in text.split():
        written, _, latin = word.partition(":")
        found.append(Name(written=written, latin=(latin or written).lower()))
    return tuple(found)


def feminine_family(name: Name) -> Name:
    """The feminine form of a Russian family name in -ov, -ev, -in."""
    return Name(written=name.written + "а", latin=name.latin + "a")


_HEBREW = Names(
    feminine=_names(
        "נועה:noa תמר:tamar יעל:yael מאיה:maya שירה:shira רותם:rotem הדס:hadas מיכל:michal ענת:anat "
        "אורלי:orly דנה:dana גלית:galit רחל:rachel לאה:leah סיגל:sigal עדי:adi קרן:keren טליה:talia "
        "ליאת:liat נעמי:naomi"
    ),
    masculine=_names(
        "איתי:itai יונתן:yonatan דניאל:daniel עומר:omer נדב:nadav אורי:uri גיל:gil רועי:roi אסף:asaf "
        "יואב:yoav אלון:alon עידו:ido משה:moshe דוד:david אבי:avi שי:shai ברק:barak ניר:nir צחי:tzahi "
        "אייל:eyal"
    ),
    family=_names(
        "לוי:levi מזרחי:mizrahi פרץ:peretz ביטון:biton דהן:dahan אברהם:avraham פרידמן:friedman מלכה:malka "
        "אזולאי:azoulay יוסף:yosef עמר:amar אוחיון:ohayon חדד:hadad גבאי:gabai אדרי:edri לביא:lavi טל:tal "
        "שקד:shaked ברקן:barkan רימון:rimon אלוני:aloni ארזי:arazi שדה:sadeh הראל:harel נחשון:nachshon "
        "כרמי:carmi דרור:dror אשכנזי:ashkenazi סגל:segal קליין:klein"
    ),
)

_ARABIC = Names(
    feminine=_names(
        "فاطمة:fatima نورة:noura مريم:maryam سارة:sara ليلى:layla هند:hind أمل:amal ريم:reem دانة:dana "
        "لطيفة:latifa شيماء:shaima منى:mona هدى:huda سلمى:salma رنا:rana جواهر:jawaher ياسمين:yasmin "
        "عائشة:aisha خلود:khulood"
    ),
    masculine=_names(
        "أحمد:ahmed محمد:mohammed خالد:khalid سعود:saud فهد:fahad عمر:omar يوسف:yousef علي:ali حسن:hassan "
        "ناصر:nasser سلطان:sultan ماجد:majid طارق:tariq بدر:badr راشد:rashid زياد:ziad كريم:karim "
        "إبراهيم:ibrahim حمدان:hamdan"
    ),
    family=_names(
        "الحربي:alharbi القحطاني:alqahtani الشمري:alshammari العتيبي:alotaibi الدوسري:aldosari "
        "الزهراني:alzahrani الغامدي:alghamdi المطيري:almutairi الشهري:alshehri المالكي:almalki "
        "العنزي:alanazi السبيعي:alsubaie المنصوري:almansoori الكعبي:alkaabi الشامسي:alshamsi "
        "المزروعي:almazrouei البلوشي:albalushi النعيمي:alnuaimi حداد:haddad خوري:khoury ناصر:nasser "
        "صالح:saleh درويش:darwish منصور:mansour جبر:jabr حمدي:hamdi"
    ),
)

_THAI = Names(
    feminine=_names(
        "สมหญิง:somying มาลี:malee นภา:napha ดารุณี:darunee พิมพ์:pim สุดา:suda กานดา:kanda อรทัย:orathai "
        "ปราณี:pranee วันดี:wandee รัตนา:rattana จันทร์:chan ชไม:chamai นิดา:nida ศิริ:siri "
        "อัญชลี:anchalee"
    ),
    masculine=_names(
        "สมชาย:somchai สมศักดิ์:somsak วิชัย:wichai ประเสริฐ:prasert อนันต์:anan กิตติ:kitti ธนา:thana "
        "ชาติ:chat นที:nathee ปรีชา:preecha มานพ:manop วีระ:weera สุรชัย:surachai เอก:ek ณรงค์:narong "
        "บุญมี:boonmee"
    ),
    family=_names(
        "ใจดี:jaidee สุขใจ:sukjai ทองดี:thongdee ศรีสุข:srisuk แสงทอง:saengthong วงศ์ดี:wongdee "
        "บุญมา:boonma รักไทย:rakthai มีสุข:meesuk แก้วใส:kaewsai พูลผล:poonphol นาคสวน:naksuan "
        "เพชรงาม:phetngam คงมั่น:khongman สายลม:sailom ดอกไม้:dokmai ภูผา:phupha ธารา:thara ชูใจ:chujai "
        "เจริญพร:charoenphon หอมหวน:homhuan กล้าหาญ:klahan"
    ),
)

_RUSSIAN = Names(
    feminine=_names(
        "Анна:anna Мария:maria Елена:elena Ольга:olga Наталья:natalia Ирина:irina Светлана:svetlana "
        "Дарья:daria Екатерина:ekaterina Полина:polina Вера:vera Нина:nina Алиса:alisa Юлия:yulia "
        "Софья:sofia Ксения:ksenia"
    ),
    masculine=_names(
        "Алексей:alexey Дмитрий:dmitry Иван:ivan Сергей:sergey Андрей:andrey Михаил:mikhail Павел:pavel "
        "Николай:nikolay Егор:egor Артём:artyom Максим:maxim Роман:roman Игорь:igor Олег:oleg "
        "Фёдор:fyodor Кирилл:kirill"
    ),
    family=_names(
        "Иванов:ivanov Смирнов:smirnov Кузнецов:kuznetsov Попов:popov Соколов:sokolov Лебедев:lebedev "
        "Козлов:kozlov Новиков:novikov Морозов:morozov Волков:volkov Зайцев:zaitsev Павлов:pavlov "
        "Семёнов:semyonov Голубев:golubev Виноградов:vinogradov Фёдоров:fyodorov Беляев:belyaev "
        "Орлов:orlov Киселёв:kiselyov Макаров:makarov Андреев:andreev Ильин:ilyin Гусев:gusev Титов:titov "
        "Кузьмин:kuzmin Баранов:baranov"
    ),
    inflects=True,
)

_GERMAN = Names(
    feminine=_names(
        "Anna Lena Sabine Petra Monika Julia Katrin Sophie Jördis:joerdis Käthe:kaethe Birgit Heike Lea "
        "Mia Greta Ulrike Franziska Martina Claudia Nele"
    ),
    masculine=_names(
        "Jürgen:juergen Thomas Stefan Andreas Lukas Jonas Felix Uwe Klaus Jörg:joerg Björn:bjoern "
        "Matthias Tobias Günther:guenther Holger Ralf Paul Moritz Sören:soeren Frank"
    ),
    family=_names(
        "Müller:mueller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schäfer:schaefer Koch Bauer "
        "Richter Klein Wolf Schröder:schroeder Neumann Braun Krüger:krueger Hofmann Lange Krause Lehmann "
        "Köhler:koehler König:koenig Huber Vogel Keller Günter:guenter Weiß:weiss Jäger:jaeger Groß:gross "
        "Böhm:boehm"
    ),
)

_ENGLISH = Names(
    feminine=_names(
        "Olivia Emma Grace Hannah Lucy Chloe Megan Alice Zoe Ruby Nadia Priya Keisha Maria Rosa Helen "
        "Susan Karen Linda Abigail"
    ),
    masculine=_names(
        "James Oliver Jack Harry George Thomas Daniel Samuel Marcus Omar Andre Luis Kevin Brian Peter "
        "Alan Ethan Noah Liam Victor"
    ),
    family=_names(
        "Smith Jones Taylor Brown Evans Wilson Johnson Roberts Walker Wright Thompson White Hughes "
        "Edwards Green Hall Wood Harris Clarke Baker Turner Hill Cooper Ward Garcia Martinez Nguyen Patel "
        "Okafor O'Neill:oneill Reed Brooks"
    ),
)

BY_LANGUAGE: Final[dict[str, Names]] = {
    "he": _HEBREW,
    "ar": _ARABIC,
    "th": _THAI,
    "ru": _RUSSIAN,
    "de": _GERMAN,
    "en": _ENGLISH,
}
"""ISO 639-1 code to the names of the language."""
