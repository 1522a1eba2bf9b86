"""Ages at the door: whether somebody who says when they were born may consent by themselves.

Rule. The law of the country they name decides; where they name none, every country that the workspace serves does, and
the strictest wins. A month without a day is read as the latest it can be: unsure means younger. Nothing is stored here;
the gate asks again, with whatever is on record, each time somebody is to be contacted.
"""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, timedelta

from amana import errors
from amana.core import facts, regimes
from amana.services.record.house import House

_EPOCH = date(1970, 1, 1)


class Standing(enum.Enum):
    """What somebody of an age may do."""

    ALONE = "alone"  # consents by themselves
    WITH_GUARDIAN = "with_guardian"  # a holder of parental responsibility consents
    NEVER = "never"  # is not marketed to at all


def standing(house: House, birth: str, country: str) -> Standing:
    """What somebody born then (`YYYY-MM`) may do in a country ("" for not said). Raises BadInput for no date."""
    today = datetime.fromtimestamp(house.clock(), UTC).date()
    if not is_birth(house, birth):
        raise errors.BadInput("This is not a month of birth", expected="YYYY-MM", remedy="choose it again")
    years = age(birth, today)
    code = regimes.country_code(country)
    asked = [code] if code and house.book.knows(code) else list(house.workspace.organisation.serves)
    limits = [house.book.age(one, today) for one in asked if house.book.knows(one)]
    if any(years < limit.never_below for limit in limits):
        return Standing.NEVER
    if any(years < limit.consent_age for limit in limits):
        return Standing.WITH_GUARDIAN
    return Standing.ALONE


def is_birth(house: House, text: str) -> bool:
    """Whether a text is a month in which somebody alive now may have been born."""
    born, now = regimes.born_by(text), house.clock() // 86_400
    return born != facts.BORN_UNKNOWN and now - 130 * 366 < born <= now + 31


def years_now(house: House, birth: str) -> int:
    """Whole years today of somebody born then, at least."""
    return age(birth, datetime.fromtimestamp(house.clock(), UTC).date())


def year(house: House) -> int:
    """This year."""
    return datetime.fromtimestamp(house.clock(), UTC).year


def age(birth: str, on: date) -> int:
    """Whole years on a day of somebody born then, at least."""
    born = _EPOCH + timedelta(days=regimes.born_by(birth))
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
