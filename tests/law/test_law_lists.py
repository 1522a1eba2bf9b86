"""Bought lists: nobody is contacted on the strength of one whose papers are missing.

Rule: the people of a list are real rows of a real import into a real workspace, in the United States, where e-mail is
opt-out: whoever is not held is allowed, so that the hold is the only thing that can deny.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from amana import errors
from amana.core import events, facts, lists
from amana.core.cells import Terms
from amana.core.lists import Document, Papers
from amana.core.state import PersonState, fold_all
from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Actor, Channel, Proof, Status
from amana.services.audience import screening
from amana.services.collection import imports
from amana.services.collection import lists as bought
from amana.services.gate import asking
from amana.services.record.house import House
from amana.storage import people
from worlds import lists as earlier
from worlds import orchard
from worlds.clock import DAY, NOW, Clock
from worlds.houses import Templates
from worlds.lists import taken

DEFINITION = orchard.workspace(
    orchard.residence(),
    orchard.field("town", "user.contact.address.city", why="the shop nearby"),
    country="US",
    purposes={"offers": ("email", "sms")},
    told=("email",),
)
OFFERS = asking.Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)
GOOD = Papers(
    seller="Leads Trading Ltd",
    per_record_proof=True,
    sender_named=True,
    competition_bundle=False,
    inferred_vulnerability=False,
    documents={
        "form": Document(file="form.png", sha256="0" * 64),
        "records": Document(file="records.csv", sha256="1" * 64),
    },
)
BOUGHT = {"bought": True, "papers": None}


@pytest.fixture
def house(tmp_path: Path, templates: Templates) -> Iterator[House]:
    with templates.opened(DEFINITION, tmp_path / "workspace", Clock()) as opened:
        yield opened


def row(line: int, *said: Statement, email: str, residence: str = "US", **more: str) -> PersonRow:
    return earlier.row(line, *said, email=email, residence=residence, **more)


def reasons(house: House, email: str, known_at: int | None = None) -> list[str]:
    gate = asking.Gate(house, with_remedies=True)
    try:
        decision, _ = gate.ask_address(email, OFFERS, NOW, known_at)
    finally:
        gate.close()
    return [one.code for one in decision.reasons]


def given(occurred: Interval | None = None, **more: object) -> Statement:
    """A grant of yesterday with two of the proofs."""
    words: dict[str, object] = {"proof": Proof.DEMONSTRABLE | Proof.CHANNEL_NAMED}
    return earlier.given(occurred or earlier.at(NOW - DAY), **(words | more))


def size(house: House) -> int:
    return asking.log_size(house)


# ---- what fails a list ------------------------------------------------------------------------------------------


def test_papers_that_say_everything_hold_nothing_back() -> None:
    assert lists.fails(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "fail"),
    [
        ({"verbal_assurance": True}, "verbal_assurance"),
        ({"per_record_proof": False}, "no_per_record_proof"),
        ({"sender_named": False}, "sender_not_named"),
        ({"competition_bundle": True}, "competition_bundle"),
        ({"competition_bundle": None}, "competition_bundle"),
        ({"inferred_vulnerability": True}, "inferred_vulnerability"),
        ({"inferred_vulnerability": None}, "inferred_vulnerability"),
        ({"documents": {"records": GOOD.documents["records"]}}, "sender_not_named"),
        ({"documents": {"form": GOOD.documents["form"]}}, "no_per_record_proof"),
    ],
)
def test_each_of_the_five_fails_a_list_by_itself_and_so_does_not_knowing(
    change: dict[str, object], fail: str
) -> None:
    assert lists.fails(msgspec.structs.replace(GOOD, **change)) == (fail,)


def test_what_the_papers_do_not_say_counts_as_the_worse() -> None:
    assert lists.fails(lists.read('seller = "Leads Trading Ltd"')) == (
        "verbal_assurance",
        "no_per_record_proof",
        "sender_not_named",
        "competition_bundle",
        "inferred_vulnerability",
    )
    assert lists.fails(None) == ("no_papers",)


# ---- held -------------------------------------------------------------------------------------------------------


def test_a_list_without_papers_is_imported_as_unknown_and_held(house: House) -> None:
    report = taken(house, "leads", row(1, given(), email="ann@example.com"), **BOUGHT)
    assert report.fails == ("no_papers",)
    assert (report.counts["held"], report.counts["said_unknown"]) == (1, 1)
    assert "said_given" not in report.counts
    assert reasons(house, "ann@example.com") == ["source_held"]


def test_the_same_list_would_be_allowed_if_it_were_ours(house: House) -> None:
    taken(house, "shop", row(1, email="ann@example.com"))
    assert reasons(house, "ann@example.com") == []


def test_a_screen_refuses_whom_the_gate_refuses(house: House) -> None:
    taken(house, "leads", row(1, email="ann@example.com"), **BOUGHT)
    taken(house, "shop", row(1, email="ben@example.com"))
    counts = screening.screen(house, OFFERS).counts
    assert (counts.by_reason["source_held"], counts.allowed) == (1, 1)


def test_whom_we_knew_before_is_not_held_and_gets_nothing_but_noes_from_the_list(house: House) -> None:
    taken(house, "shop", row(1, email="ann@example.com"))
    before = size(house)
    report = taken(house, "leads", row(1, given(), email="ann@example.com", town="Reno"), **BOUGHT)
    assert (report.counts["known_otherwise"], size(house)) == (1, before)
    assert reasons(house, "ann@example.com") == []
    left = Statement(status=Status.WITHDRAWN, reason="unsubscribe")
    taken(house, "leads", row(1, left, email="ann@example.com"), **BOUGHT)
    assert reasons(house, "ann@example.com") == ["withdrawn"]


def test_a_later_source_with_evidence_vouches_and_one_without_does_not(house: House) -> None:
    taken(house, "leads", row(1, email="ann@example.com"), **BOUGHT)
    taken(house, "somebody", row(1, email="ann@example.com"), evidence="")
    assert reasons(house, "ann@example.com") == ["source_held"]
    report = taken(house, "shop", row(2, email="ann@example.com"))
    assert report.counts["vouched"] == 1
    assert reasons(house, "ann@example.com") == []
    imports.undo(house, 3)
    assert reasons(house, "ann@example.com") == ["source_held"]


def test_a_second_held_list_does_not_vouch_for_the_first(house: House) -> None:
    for name in ("leads", "more leads"):
        taken(house, name, row(1, email="ann@example.com"), **BOUGHT)
    assert reasons(house, "ann@example.com") == ["source_held"]


def test_only_the_persons_own_confirmed_grant_lifts_a_hold() -> None:
    terms = Terms(brands={"orchard": 1}, purposes={"offers": 1})
    held = _held(on=True)
    for own, still in ((True, False), (False, True)):
        state = fold_all([held, _grant(confirmed=own)], terms)
        assert facts.is_held(state) is still


# ---- release ----------------------------------------------------------------------------------------------------


def test_papers_release_a_list_and_the_past_stays_what_it_was(house: House) -> None:
    taken(house, "leads", row(1, email="ann@example.com"), row(2, email="ben@example.com"), **BOUGHT)
    before = size(house)
    released = bought.release(house, 1, GOOD)
    assert (released.people, size(house)) == (2, before + 2)
    assert reasons(house, "ann@example.com") == []
    assert reasons(house, "ann@example.com", known_at=before) == ["source_held"]
    assert [(one.held, one.fails) for one in bought.shown(house)] == [(False, ())]
    assert screening.screen(house, OFFERS).counts.allowed == 2


def test_papers_that_fail_release_nothing(house: House) -> None:
    taken(house, "leads", row(1, email="ann@example.com"), **BOUGHT)
    with pytest.raises(errors.BadInput, match="sender_not_named"):
        bought.release(house, 1, msgspec.structs.replace(GOOD, sender_named=False))
    assert reasons(house, "ann@example.com") == ["source_held"]


def test_only_a_list_that_is_held_can_be_released(house: House) -> None:
    taken(house, "shop", row(1, email="ann@example.com"))
    with pytest.raises(errors.Conflict):
        bought.release(house, 1, GOOD)
    with pytest.raises(errors.NotFound):
        bought.release(house, 9, GOOD)


def test_a_release_grants_nothing_but_the_file_with_its_papers_does(house: House) -> None:
    rows = (row(1, given(), email="eva@example.com", residence="DE"),)
    taken(house, "leads", *rows, **BOUGHT)
    bought.release(house, 1, GOOD)
    assert reasons(house, "eva@example.com") == ["consent_unknown"]
    again = taken(house, "leads", *rows, bought=True, papers=GOOD)
    assert (again.repeated, again.counts["said_given"], again.fails) == (False, 1, ())
    assert reasons(house, "eva@example.com") == ["consent_unproven"]


def test_an_undone_list_goes_on_holding(house: House) -> None:
    taken(house, "leads", row(1, email="ann@example.com"), **BOUGHT)
    bought.release(house, 1, GOOD)
    imports.undo(house, 1)
    assert reasons(house, "ann@example.com") == ["source_held"]


# ---- what a buyer never has -------------------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["sale", "relationship"])
def test_a_buyer_has_neither_the_sellers_sale_nor_the_sellers_customers(house: House, basis: str) -> None:
    sale = given(
        relationship=True,
        reason=basis,
        proof=Proof.OWN_COLLECTION
        | Proof.SALE_CONTEXT
        | Proof.SIMILAR_OFFER
        | Proof.OPT_OUT_AT_COLLECTION
        | Proof.OPT_OUT_IN_MESSAGE
        | Proof.CONTRACT,
    )
    ours = taken(house, "shop", row(1, sale, email="eva@example.com", residence="DE"))
    theirs = taken(
        house, "leads", row(1, sale, email="una@example.com", residence="DE"), bought=True, papers=GOOD
    )
    assert (ours.counts["said_relationship"], theirs.counts["relationship_of_seller"]) == (1, 1)
    assert reasons(house, "una@example.com") == ["consent_unknown"]


def test_a_month_to_tell_people_where_their_details_come_from(house: House) -> None:
    taken(house, "leads", row(1, email="ann@example.com"), bought=True, papers=GOOD)
    assert bought.shown(house)[0].notice_due == NOW + 31 * DAY  # from 28 May to 28 June
    assert lists.notice_due(1_769_817_600) == 1_772_236_800  # 31 January 2026 ends on 28 February


# ---- the law of the fold ----------------------------------------------------------------------------------------


def test_holding_vouching_and_retracting_come_to_the_same_in_any_order() -> None:
    terms = Terms(brands={"orchard": 1}, purposes={"offers": 1})
    told = [_held(on=True), _held(on=True, source=2), _held(on=False, source=3), _retraction(3)]
    found = [fold_all(order, terms) for order in itertools.permutations(told)]
    assert all(state == found[0] for state in found)
    assert facts.is_held(found[0])
    assert not facts.is_held(fold_all(told[:3], terms))
    assert not facts.is_held(PersonState())


# ---- papers as files --------------------------------------------------------------------------------------------

PAPERS = """
seller = "Leads Trading Ltd"
per_record_proof = true
sender_named = true
competition_bundle = false
inferred_vulnerability = false
[documents.form]
file = "form.png"
[documents.records]
file = "records.csv"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "papers"
    found.mkdir()
    (found / "papers.toml").write_text(PAPERS)
    (found / "form.png").write_bytes(b"a picture")
    (found / "records.csv").write_bytes(b"when,how\n")
    return found


def test_documents_are_known_by_their_bytes(folder: Path) -> None:
    papers = bought.papers_at(folder)
    assert papers == bought.papers_at(folder / "papers.toml")
    assert papers.documents["form"].sha256 == sha256(b"a picture").hexdigest()
    assert lists.fails(papers) == ()


def test_a_document_that_is_missing_or_another_is_refused(folder: Path) -> None:
    (folder / "papers.toml").write_text(PAPERS + f'sha256 = "{"0" * 64}"\n')
    with pytest.raises(errors.BadInput, match="not the one"):
        bought.papers_at(folder)
    (folder / "form.png").unlink()
    with pytest.raises(errors.BadInput, match="'form'"):
        bought.papers_at(folder)


@pytest.mark.parametrize(
    "text", ['seller = "x"\ncolour = "blue"\n', PAPERS + '[documents.song]\nfile = "form.png"\n']
)
def test_a_word_that_papers_do_not_know_is_refused(text: str) -> None:
    with pytest.raises(errors.BadInput):
        lists.read(text)


def _held(*, on: bool, source: int = 1) -> events.Held:
    return events.Held(
        id=f"{source:031x}{int(on)}",
        occurred=Interval(lo=NOW, hi=NOW),
        actor=Actor.IMPORT,
        source=source,
        on=on,
    )


def _retraction(source: int) -> events.Retraction:
    return events.Retraction(
        id="f" * 32, occurred=Interval(lo=NOW, hi=NOW), actor=Actor.STAFF, source=source, retracts=source
    )


def _grant(*, confirmed: bool) -> events.Permission:
    return events.Permission(
        id="e" * 32,
        occurred=Interval(lo=NOW, hi=NOW),
        actor=Actor.PERSON,
        source=5,
        brand="orchard",
        purpose="offers",
        channel="email",
        status=Status.GIVEN,
        confirmed=confirmed,
    )


def test_no_import_brings_a_guardians_consent_whatever_it_says(house: House) -> None:
    taken(house, "club", row(1, given(proof=Proof.DEMONSTRABLE | Proof.GUARDIAN), email="ann@example.com"))
    with house.database.read() as connection:
        ((_, person),) = people.changed_since(connection, 0)
    (claim,) = next(iter(person.cells.values()))
    assert Proof(claim.proof) == Proof.DEMONSTRABLE
