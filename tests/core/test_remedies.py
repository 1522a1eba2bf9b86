"""What would change a refusal: every remedy is true when asked again, none of them is idle, and all are lawful."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from itertools import combinations

import msgspec
import pytest

from amana import wiring
from amana.core import decision, facts, public_holidays, remedies, rules
from amana.core.facts import Facts
from amana.core.plan import Circumstances, Plan, Question, Registry
from amana.core.regimes import Regime
from amana.core.remedies import Kind, Remedy
from amana.core.vocabulary import Channel, Proof, SubjectType

BOOK = wiring.law_book()
PLACES = ("DE", "FR", "IT", "ES", "AT", "PT", "UK", "US", "US-TX", "US-CA", "IL", "SA", "AE", "TH", "RU", "IN", "AU", "CA", "BR")
CONSENT = sum(1 << bit for bit in range(18))
OTHER = sum(1 << bit for bit in range(20, 31))
REFUSALS = {"suppressed", "objected", "withdrawn", "refused", "invalidated"}
BY_THE_PERSON = {Kind.OWN_CONSENT, Kind.GUARDIAN_CONSENT}

Refusal = tuple[Facts, Regime, Plan, Callable[[int], Plan]]


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOW = seconds("2026-11-24T10:00")  # a Tuesday
DAY = 86_400


def question(channel: Channel = Channel.EMAIL, at: int = NOW, **more: object) -> Question:
    circumstances = msgspec.convert({"served": ("DE",), "stored_in": "DE"} | more, Circumstances)
    return Question(cell=0, channel=channel, at=at, circumstances=circumstances)


def asked(about: Question) -> tuple[Plan, Callable[[int], Plan]]:
    """The plan of a question, and of the same question at other moments."""

    @cache
    def later(at: int) -> Plan:
        return Plan(BOOK, msgspec.structs.replace(about, at=at), public_holidays.in_place)

    return Plan(BOOK, about, public_holidays.in_place), later


def somebody(**changes: object) -> Facts:
    """Somebody known, with an address, who never said anything."""
    neutral = facts.nobody(0, suppressed=False)._replace(known=True)
    return neutral._replace(**changes)  # type: ignore[arg-type]  # each test names fields of Facts


def kinds(found: tuple[Remedy, ...] | None) -> list[str] | None:
    return None if found is None else [one.kind.value for one in found]


def told(person: Facts, where: str = "DE", about: Question | None = None) -> tuple[Remedy, ...] | None:
    plan, later = asked(about or question())
    country, _, region = where.partition("-")
    return remedies.smallest(person, Regime(residence=country, region=region), plan, later)


# ---- random refusals over the real law ---------------------------------------------------------------------------


def random_question(draw: random.Random) -> Question:
    at = seconds("2026-06-01T00:00") + draw.randrange(300 * DAY)
    message = draw.choice((None, None, 0, 0b11111))
    loaded = {
        need.registry: Registry(bit=1 << index, as_of=at - draw.choice((0, 3, 40)) * DAY)
        for index, need in enumerate(_needs())
        if draw.random() < 0.7
    }
    circumstances = Circumstances(
        served=tuple(draw.sample(PLACES, draw.choice((0, 1, 1, 2, 4)))),
        stored_in=draw.choice(("DE", "RU", "US")),
        min_age=draw.choice((0, 0, 18)),
        notice_floor=draw.choice((0, 0, 2)),
        assessed=draw.random() < 0.4,
        topic=draw.choice((0, 1, 6)),
        sector=draw.choice(("", "", "", "electricity", "home_energy_renovation")),
        cap_day=draw.choice((1, 2, facts.NO_CAP, facts.NO_CAP)),
        cap_week=0 if draw.random() < 0.03 else draw.choice((3, facts.NO_CAP, facts.NO_CAP)),
        registries=loaded,
        message=message,
    )
    return Question(cell=0, channel=draw.choice(tuple(Channel)), at=at, circumstances=circumstances)


@cache
def _needs() -> tuple[Registry, ...]:
    found = [one for code in BOOK.codes() for one in BOOK.jurisdiction(code).registries if not one.voluntary]
    return tuple(one.need() for one in found)  # type: ignore[misc]  # needs, by the registry's name


def random_regime(draw: random.Random) -> Regime:
    place = draw.choice((*PLACES, "", ""))
    country, _, region = place.partition("-")
    return Regime(
        residence=country,
        region=region,
        number_country=draw.choice(("", "DE", "US", country)),
        subject=draw.choice(tuple(SubjectType)).value,
        zone=draw.choice(("", "", "Europe/Berlin")),
    )


def random_facts(draw: random.Random, at: int) -> Facts:
    def seldom(share: float = 0.1) -> bool:
        return draw.random() < share

    def moment() -> int:
        return draw.choice((0, at - draw.randrange(30 * DAY), at - draw.randrange(1500 * DAY), at + draw.randrange(-900, 3 * DAY)))

    def proof(bits: int) -> int:
        return draw.choice((0, bits, bits, bits & ~(1 << draw.randrange(31)), bits & draw.getrandbits(31)))

    granted = seldom(0.5)
    granted_at = moment() if granted else 0
    sent = draw.choice((0, 0, 0, 1, 3))
    return Facts(
        known=not seldom(0.05), regime=0, restricted=seldom(0.05), suppressed=seldom(0.05),
        born=draw.choice((facts.BORN_UNKNOWN, 0, 3650, at // DAY - 16 * 366, at // DAY - 10 * 365)) if seldom(0.4) else facts.BORN_UNKNOWN,
        paused_until=at + draw.randrange(-DAY, 500 * DAY) if seldom() else 0,
        hours=draw.choice((0, 0xF00, draw.getrandbits(24))) if seldom(0.15) else facts.ALL_HOURS,
        days=draw.choice((0, 0b11111, draw.getrandbits(7))) if seldom(0.15) else facts.ALL_DAYS,
        topics_off=draw.choice((0, 0, 0, 1, 2)), per_month=draw.choice((0, 2)) if seldom() else facts.NO_CAP,
        has_point=not seldom(), point_blocked=seldom(), never_target=seldom(0.05),
        registry_hits=draw.getrandbits(8) if seldom(0.2) else 0,
        objected=seldom(0.05), withdrawn=seldom(), refused=seldom(0.05), invalidated=seldom(0.05),
        requested=not granted and seldom(0.2), granted=granted, granted_at=granted_at,
        granted_by=granted_at + draw.choice((0, 0, DAY)) if granted else 0, proof=proof(CONSENT) if granted else 0,
        notice=draw.choice((0, 2)), point_matches=not seldom(),
        sale_at=moment(), sale_proof=proof(OTHER), interest_at=moment(), interest_proof=proof(OTHER),
        relationship_at=moment(), relationship_proof=proof(OTHER), published_at=moment(), published_proof=proof(OTHER),
        sent_day=min(sent, draw.randrange(4)), sent_week=sent, sent_month=sent,
    )


def random_refusals(seed: int, count: int, to_a_question: int = 100) -> list[Refusal]:
    draw = random.Random(seed)
    found: list[Refusal] = []
    while len(found) < count:
        plan, later = asked(random_question(draw))
        regimes = [random_regime(draw) for _ in range(8)]
        for _ in range(to_a_question):
            person, regime = random_facts(draw, plan.ask.at), draw.choice(regimes)
            if rules.deny_bits(person, plan.law(regime), plan.ask):
                found.append((person, regime, plan, later))
    return found[:count]
