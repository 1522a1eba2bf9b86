"""Refer a friend: a link that anybody may share, and the one message where the law allows it.

Rule. A share link names the referrer by a code that only this workspace can make and read; nothing is stored when it is
made, shared or opened. Writing to the friend ourselves is asked about here, and allowed at most once for an address, by
anybody, ever: the answer and its record are one transaction, and of the address nothing is kept but a keyed hash. The
friend's No, a suppression, or being known already ends it. Whoever was allowed must send at once: there is nothing to
look the address up from afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import msgspec

from amana import errors
from amana.core import places as known_places
from amana.core import referral, regimes
from amana.core.referral import Answer, Refusal, Stated
from amana.core.vocabulary import PHONE_CHANNELS, Channel, SubjectType
from amana.keys.store import SUPPRESSION
from amana.services.record import addresses
from amana.services.record.addresses import Address, Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import referrals, register

CODE_DIGITS = 16
_LINK, _FRIEND = b"referral/link/", b"referral/friend/"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A friend to whom somebody wants us to write."""

    address: str
    channel: Channel = Channel.EMAIL
    country: str = ""  # where the friend lives; "" is every country that the workspace serves
    subject: SubjectType = SubjectType.CONSUMER
    stated: Stated = Stated()


def link(house: House, base: str, person: int) -> str:
    """The share link of a person, below the address of a page. Raises BadInput for an address that is not https."""
    if not base.startswith("https://") or "?" in base or "#" in base:
        raise errors.BadInput(
            "A share link stands below a page's plain address",
            expected="https://… without a question mark",
            remedy="give the page's address",
        )
    return f"{base}?ref={code(house, person)}"


def code(house: House, person: int) -> str:
    """The code by which a share link names its referrer; the same each time, and no secret of theirs."""
    return f"{person:x}-{_mac(house, _LINK + b'%d' % person)[: CODE_DIGITS // 2].hex()}"


def referrer(house: House, text: str) -> int | None:
    """Whose code this is; None for one that this workspace never made."""
    number, _, _ = text.partition("-")
    try:
        person = int(number, 16)
    except ValueError:
        return None
    return person if person > 0 and hmac.compare_digest(code(house, person).encode(), text.encode()) else None


def ask(house: House, asked: Asked) -> Answer:
    """Whether the one message may be sent, without recording anything. Raises BadInput for no address."""
    address = _address(house, asked)
    with house.database.read() as connection:
        found = {
            Refusal.WRITTEN_BEFORE: referrals.sent(connection, _friend(house, address)),
            Refusal.SUPPRESSED: bool(register.suppressed(connection, address.suppress)),
            Refusal.KNOWN: bool(addresses.holders(connection, [address]).get(address.blind)),
        }
    return _answer(house, asked, {refusal for refusal, there in found.items() if there})


def claim(house: House, asked: Asked) -> Answer:
    """The same, and if allowed the message is taken as sent: a second one is refused for good."""
    answer = ask(house, asked)
    if not answer.allow:
        return answer
    friend = _friend(house, _address(house, asked))

    def take(session: Session) -> bool:
        return referrals.put(session.connection, friend, session.now)

    if house.writing().write(take):
        return answer
    return _answer(house, asked, {Refusal.WRITTEN_BEFORE})


def _answer(house: House, asked: Asked, told: set[Refusal]) -> Answer:
    on = datetime.fromtimestamp(house.clock(), UTC).date()
    country = regimes.country_code(asked.country)
    concerned = (country,) if country else house.workspace.organisation.serves
    if concerned and asked.channel in PHONE_CHANNELS and (number := _address(house, asked).country):
        concerned = tuple(dict.fromkeys([*concerned, regimes.country_code(number)]))
    law = referral.decide(house.book, concerned, asked.channel, asked.subject, on, asked.stated)
    refusals = set(law.refusals) | told
    return msgspec.structs.replace(
        law, allow=not refusals, refusals=tuple(one for one in Refusal if one in refusals)
    )


def _address(house: House, asked: Asked) -> Address:
    country = known_places.iso_country(house.workspace.organisation.country)
    return Keyer(house.keys).typed(asked.address, asked.country or country)


def _friend(house: House, address: Address) -> bytes:
    """The keyed hash by which a friend's address is known: of its first suppression spelling, apart from that list."""
    return _mac(house, _FRIEND + address.suppress[0])


def _mac(house: House, text: bytes) -> bytes:
    return hmac.digest(house.keys.secret(SUPPRESSION), text, hashlib.sha256)
