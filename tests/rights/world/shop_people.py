"""The shop's people as a workspace knows them: told over the interface, as another system would."""

from __future__ import annotations

import shop_tables as shop

from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Actor, Channel, Proof, Status
from amana.services.collection import telling
from amana.services.record.house import House

GIVEN = 1_780_000_000
PROOF = (
    Proof.CHANNEL_NAMED
    | Proof.SENDER_NAMED
    | Proof.PURPOSE_NAMED
    | Proof.UNBUNDLED
    | Proof.UNTICKED
    | Proof.NOT_CONDITION
    | Proof.WITHDRAWAL_TOLD
    | Proof.DEMONSTRABLE
    | Proof.CONFIRMED
)


def enter(house: House) -> dict[str, int]:
    """Enter everybody, with a consent to the news of one brand; their numbers."""
    for name, said in shop.PEOPLE.items():
        for email in said["emails"]:
            row = PersonRow(
                part="",
                line=1,
                external_id=name,
                email=email,
                phone=said.get("phone", ""),
                fields={
                    key: value
                    for key, value in (("full_name", said["name"]), ("residence", said.get("country", "")))
                    if value
                },
                statements=(
                    Statement(
                        status=Status.GIVEN,
                        purpose="news",
                        channel=Channel.EMAIL,
                        occurred=Interval(lo=GIVEN, hi=GIVEN),
                        actor=Actor.IMPORT,
                        evidence="form",
                        proof=PROOF,
                        notice="news@2026-01",
                    ),
                ),
            )
            telling.rows(house, "shop", "orchard", [row], f"{name}/{email}".encode())
    return {name: number for number, name in enumerate(shop.PEOPLE, start=1)}
