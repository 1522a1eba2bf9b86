"""The workspace file of Orchard Street Ltd, the invented company of most tests.

Rule. A file is one company, its brands, its purposes and the one notice that they share; whatever a test needs beyond
that it names as an argument, or adds as blocks of its own after it. Names, words and the order of blocks are always the
same, so that a test may replace a line of the file. Everything is invented; addresses stand in reserved domains.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

FIVE = 'languages = ["en", "he", "ar", "th", "ru"]\n'
"""A line of the organisation: it speaks five languages."""

IN_FIVE = {
    "en": "We send you offers & news.",
    "he": "נשלח לך הצעות.",
    "ar": "نرسل إليك عروضًا.",
    "th": "เราส่งข้อเสนอให้คุณ",
    "ru": "Мы присылаем предложения.",
}
"""What the notice says in each of them."""

BRANDS = {"orchard": "Orchard Street", "harbour": "Harbour"}


def workspace(
    *blocks: str,
    country: str = "DE",
    serves: Sequence[str] = (),
    organisation: str = "",
    brands: Sequence[str] = ("orchard",),
    purposes: Mapping[str, Sequence[str]] | None = None,
    category: str = "marketing",
    labels: Mapping[str, Mapping[str, str]] | None = None,
    notice: str = "offers",
    version: str = "1",
    told: Sequence[str] = (),
    text: Mapping[str, str] | None = None,
    withdraw: str = "link in each message",
) -> str:
    """The text of a workspace file.

    `purposes` gives each purpose its channels; `told` are the channels that the notice names, else all of them. The
    company serves its own country unless `serves` says otherwise. `organisation` is lines added to its table; `blocks`
    are added to the end of the file.
    """
    chosen = purposes or {"offers": ("email",)}
    channels = told or list(dict.fromkeys(one for each in chosen.values() for one in each))
    said = {name: f"label = {_words(words)}\n" for name, words in (labels or {}).items()}
    return "".join(
        [
            '\n[organisation]\nname = "Orchard Street Ltd"\ncontact = "privacy@orchard.example"\n',
            f'country = "{country}"\nserves = {_list(serves or (country,))}\nstored_in = "{country}"\n{organisation}',
            *(f'\n[brands.{one}]\nname = "{BRANDS[one]}"\n' for one in brands),
            *(
                f'\n[purposes.{name}]\nnotice = "{notice}"\nchannels = {_list(each)}\ncategory = "{category}"\n'
                + said.get(name, "")
                for name, each in chosen.items()
            ),
            f'\n[notices.{notice}]\nversion = "{version}"\nwho = "Orchard Street Ltd"\n',
            f'purposes = {_list(list(chosen))}\nchannels = {_list(channels)}\nkept_for = "P3Y"\n',
            f'withdraw = "{withdraw}"\ntext = {_words(text or {"en": "We send you offers."})}\n',
            *blocks,
        ]
    )


def field(
    name: str,
    category: str = "user",
    *,
    hold: str = "column",
    means: str = "",
    why: str = "the law",
    purposes: Sequence[str] = ("offers",),
    kept_for: str = "P3Y",
    more: str = "",
) -> str:
    """The block of a field; `more` is lines added to it."""
    return (
        f'\n[fields.{name}]\npurposes = {_list(purposes)}\ncategory = "{category}"\nwhy = "{why}"\n'
        f'kept_for = "{kept_for}"\nhold = "{hold}"\nmeans = "{means}"\n{more}'
    )


def residence(*purposes: str) -> str:
    """Where somebody lives, which decides whose law applies."""
    return field(
        "residence", "user.contact.address.country", means="residence", purposes=purposes or ("offers",)
    )


def language(*purposes: str) -> str:
    """The language that somebody reads."""
    return field(
        "language",
        "user.demographic.language",
        means="language",
        why="the reader's language",
        purposes=purposes or ("offers",),
    )


def full_name(name: str = "full_name", *purposes: str) -> str:
    """What somebody is called, sealed."""
    return field(
        name,
        "user.name",
        hold="sealed",
        means="full_name",
        why="to greet people",
        purposes=purposes or ("offers",),
    )


def mail(port: int | str) -> str:
    """The block that sends by the relay at a port of this machine."""
    return f'\n[mail]\nsender = "hello@orchard.example"\nport = {port}\nsecurity = "none"\n'


def _list(words: Sequence[str]) -> str:
    return json.dumps(list(words))


def _words(said: Mapping[str, str]) -> str:
    return (
        "{ "
        + ", ".join(f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in said.items())
        + " }"
    )
