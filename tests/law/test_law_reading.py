"""Reading the book: what is shown decides, changes stand on their day, pages are the packs, updates are signed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from amana import errors, wiring
from amana.cli import law_pages
from amana.core.packs import LawBook
from amana.core.vocabulary import Channel, SubjectType
from amana.ledger import canonical, note
from amana.services.law_book import law, law_changes, law_updates
from amana.settings import Settings
from worlds import orchard

PAGES = Path(__file__).resolve().parents[2] / "docs" / "law"
SEED = "5a" * 32
DEFINITION = orchard.workspace()


def shown(book: LawBook, place: str, channel: str, on: str) -> law.Shown:
    return law.show(book, place, Channel(channel), SubjectType.CONSUMER, date.fromisoformat(on))


# ---- show -------------------------------------------------------------------------------------------------------


def test_every_cell_of_every_place_can_be_shown_and_keeps_its_source(book: LawBook) -> None:
    on = book.as_of
    for code in [*book.codes(), *book.members()]:
        for channel in Channel:
            for subject in SubjectType:
                found = law.show(book, code, channel, subject, on)
                rule = book.rule(code, channel, subject, on)
                assert (found.row is None) == (rule is None)
                if found.row is not None and rule is not None:
                    assert found.row.source.citation
                    assert found.row.source.confirmed is rule.confirmed
                    assert found.row.basis == rule.basis.name.lower()
                assert {one.kind for one in found.deadlines} >= {"opt_out", "request"}


def test_german_e_mail_shows_its_proofs_its_exception_and_its_deadlines(book: LawBook) -> None:
    found = shown(book, "DE", "email", "2026-11-21")
    assert found.row is not None
    assert "confirmed" in found.row.proofs
    assert [one.id for one in found.row.exceptions] == ["DE.soft_opt_in"]
    assert found.age.consent_age == 16
    assert found.row.source.confirmed


def test_a_day_before_the_law_is_modelled_has_no_row(book: LawBook) -> None:
    assert shown(book, "DE", "email", "2023-12-31").row is None


# ---- diff -------------------------------------------------------------------------------------------------------


def test_a_change_stands_on_its_own_day_and_nowhere_else(book: LawBook) -> None:
    found = law_changes.diff(book, date(2026, 1, 1), date(2026, 9, 1))
    basis = [(one.on, one.place, one.before, one.after) for one in found if one.aspect == "basis"]
    assert basis == [(date(2026, 8, 11), "FR", "opt_out_registry", "opt_in")]
    assert not law_changes.diff(book, date(2026, 8, 11), date(2026, 8, 12))
    assert {one.place for one in law_changes.diff(book, date(2026, 8, 10), date(2026, 8, 11))} == {"FR"}


def test_between_two_days_the_changes_add_up_to_what_differs(book: LawBook) -> None:
    start, end = date(2024, 6, 1), date(2026, 11, 21)
    changed = {
        (one.place, one.channel) for one in law_changes.diff(book, start, end) if one.aspect == "basis"
    }
    for code in book.codes():
        for channel in Channel:
            for subject in SubjectType:
                before, after = (book.rule(code, channel, subject, on) for on in (start, end))
                if before and after and before.basis is not after.basis:
                    assert (code, channel.value) in changed


# ---- check ------------------------------------------------------------------------------------------------------


def test_the_products_book_is_fit_for_use(book: LawBook) -> None:
    assert law.unfit(law.check(book)) == ()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (('"sms", ', ""), "gap"),
        (('basis = "opt_in"', 'basis = "opt_in"\nexceptions = ["XA.none"]'), "unknown_word"),
    ],
)
def test_a_gap_or_a_word_without_a_meaning_makes_a_book_unfit(
    examplia: Callable[..., LawBook], change: tuple[str, str], kind: str
) -> None:
    assert {one.kind for one in law.unfit(law.check(examplia(change)))} == {kind}


# ---- pages ------------------------------------------------------------------------------------------------------


def test_docs_law_is_what_the_packs_say(book: LawBook) -> None:
    if not PAGES.is_dir():
        pytest.skip("the documentation is not beside the package")
    written = {path.name: path.read_text("utf-8") for path in PAGES.iterdir()}
    assert written == law_pages.pages(book), "run `amana law page`"


# ---- updates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def renewed(documents: dict[str, str]) -> dict[str, str]:
    """The product's packs as of a later day, with another age of consent in Germany and without Egypt."""
    later = documents | {
        "book.toml": documents["book.toml"]
        .replace("2026.11.21", "2027.1.1")
        .replace("2026-11-21", "2027-01-01"),
        "DE.toml": documents["DE.toml"].replace("consent_age = 16", "consent_age = 15"),
    }
    return {name: text for name, text in later.items() if name != "EG.toml"}


@pytest.fixture
def signer() -> note.Signer:
    return law_updates.signer("law.example", SEED)


def test_a_signed_book_says_who_signed_it_and_what_it_changes(
    renewed: dict[str, str], signer: note.Signer, book: LawBook
) -> None:
    offered = law_updates.verify(law_updates.packed(renewed, signer), signer.verifier)
    told = law_updates.compared(book, offered)
    assert (told.version, told.signed_by, told.removed, told.added) == (
        "2027.1.1",
        "law.example",
        ("EG",),
        (),
    )
    assert "DE" in told.changed
    assert "FR" not in told.changed


def test_one_changed_letter_or_another_key_is_refused(renewed: dict[str, str], signer: note.Signer) -> None:
    text = law_updates.packed(renewed, signer)
    other = law_updates.signer("law.example", "5b" * 32).verifier
    for bad, key in ((text.replace("Germany", "Germony"), signer.verifier), (text, other), ("{}", other)):
        with pytest.raises(errors.VerificationFailed):
            law_updates.verify(bad, key)


def test_a_note_over_other_packs_is_refused(renewed: dict[str, str], signer: note.Signer) -> None:
    told = canonical.decode(law_updates.packed(renewed, signer).encode())
    assert isinstance(told, dict)
    told["packs"]["DE.toml"] = renewed["DE.toml"] + "\n"
    with pytest.raises(errors.VerificationFailed, match="not over these packs"):
        law_updates.verify(canonical.encode(told).decode(), signer.verifier)


def test_a_book_that_is_not_fit_is_neither_packed_nor_taken(
    renewed: dict[str, str], signer: note.Signer
) -> None:
    gap = renewed | {"DE.toml": renewed["DE.toml"].replace("exceptions = [", 'exceptions = ["DE.none", ', 1)}
    with pytest.raises(errors.BadLaw):
        law_updates.packed(gap, signer)


def test_a_taken_book_decides_in_its_workspace_and_in_a_dry_run_and_nowhere_else(
    tmp_path: Path, renewed: dict[str, str], signer: note.Signer
) -> None:
    here, there = (Settings(workspace=tmp_path / name, actor="test") for name in ("here", "there"))
    wiring.create(here, DEFINITION)
    shutil.copytree(here.workspace, there.workspace)
    with wiring.opened(here) as house:
        law_updates.take(house, law_updates.verify(law_updates.packed(renewed, signer), signer.verifier))
        assert house.book.version == "2026.11.21"  # an open workspace goes on with the book it began with
    on = date(2027, 2, 1)
    with wiring.opened(here) as house, wiring.copied(here) as copy, wiring.opened(there) as other:
        ages = [one.book.age("DE", on).consent_age for one in (house, copy, other)]
        assert (ages, house.book.version) == ([15, 15, 16], "2027.1.1")


def test_an_older_book_or_one_changed_after_it_was_taken_is_refused(
    tmp_path: Path, documents: dict[str, str], renewed: dict[str, str], signer: note.Signer
) -> None:
    here = Settings(workspace=tmp_path / "here", actor="test")
    wiring.create(here, DEFINITION)
    with wiring.opened(here) as house:
        path = law_updates.take(
            house, law_updates.verify(law_updates.packed(renewed, signer), signer.verifier)
        )
    with wiring.opened(here) as house, pytest.raises(errors.Conflict, match="newer"):
        law_updates.take(house, law_updates.verify(law_updates.packed(documents, signer), signer.verifier))
    path.write_text(path.read_text("utf-8").replace("Germany", "Germony"), "utf-8")
    with pytest.raises(errors.VerificationFailed, match="changed after"), wiring.opened(here):
        pass
