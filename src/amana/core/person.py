"""From a person's state to what the law needs to know of them: regime and age.

Rule. Column attributes carry the values of registered fields that *mean* something to the rules: `residence`, `region`,
`zone`, `birth` (the month, the coarse form of a birth date), `legal_form`, `subject`. The subject type comes from
legal-form evidence and the class of the e-mail address; a domain alone never makes somebody corporate.
"""

from __future__ import annotations

from functools import lru_cache

from amana.core import places, regimes, state
from amana.core.address_class import AddressClass, AddressRules, subject_type
from amana.core.regimes import Regime
from amana.core.state import POINT_KIND_CODE, PersonState, PointState
from amana.core.vocabulary import PointKind

_EMAIL, _PHONE = POINT_KIND_CODE[PointKind.EMAIL], POINT_KIND_CODE[PointKind.PHONE]


class Reader:
    """Reads regime and age off states, under one set of address rules."""

    def __init__(self, rules: AddressRules) -> None:
        self._subject = lru_cache(maxsize=65_536)(
            lambda flags, form: subject_type(rules, AddressClass(flags), form or None).value
        )
        self._regime = lru_cache(maxsize=65_536)(_regime)

    def regime(self, person: PersonState) -> Regime:
        """The regime of a person. Equal regimes are usually the same object."""
        email, phone = _current(person, _EMAIL), _current(person, _PHONE)
        subject: str = self._subject(email.flags if email else 0, state.attribute(person, "legal_form"))
        return self._regime(
            state.attribute(person, "residence"),
            state.attribute(person, "region"),
            phone.country if phone else "",
            subject,
            state.attribute(person, "zone"),
        )

    @staticmethod
    def born(person: PersonState) -> int:
        """The latest day the person can have been born on, or BORN_UNKNOWN."""
        return regimes.born_by(state.attribute(person, "birth"))


def _regime(residence: str, region: str, number_country: str, subject: str, zone: str) -> Regime:
    return Regime(
        residence=regimes.country_code(residence),
        region=places.split_place(residence, region)[1],
        number_country=regimes.country_code(number_country),
        subject=subject,
        zone=zone,
    )


def _current(person: PersonState, kind: int) -> PointState | None:
    found = [(point.added, ordinal, point) for ordinal, point in person.points.items() if point.kind == kind]
    if len(found) > 1:
        return max(found, key=lambda one: one[:2])[2]
    return found[0][2] if found else None
