"""A person's requests over HTTP: asked for in a session, followed there and by a link, taken back, and answered."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from web_samples import LANGUAGES, OFFERS, Answer, Site, mailed, member, step_up

from amana import errors
from amana.core.rights import Asker, Identity, Kind, Status, Via
from amana.core.vocabulary import Channel
from amana.services.gate.asking import Gate, Inquiry
from amana.services.rights import following, requests, rights_run
from amana.services.rights.requests import Said
from amana.web import words

QUESTION = Inquiry(brand="orchard", purpose="offers", channel=Channel.EMAIL)


class Session:
    """Somebody in a session over their own data."""

    def __init__(self, site: Site, person: int) -> None:
        self.site, self.person = site, person
        self.page = site.ask(f"/s/{step_up(site.house, person)}", [])
        self.cookie = self.page.headers["set-cookie"].split(";")[0]
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', self.page.text)[0]

    def get(self, path: str) -> Answer:
        return self.site.ask(path, cookie=self.cookie)

    def post(self, path: str, **fields: str) -> Answer:
        form = [("csrf", self.csrf), *((name.replace("_", "-"), value) for name, value in fields.items())]
        return self.site.ask(path, form, cookie=self.cookie)

    def rows(self) -> dict[str, str]:
        """Status of their requests, by kind, the latest of each."""
        return {one.kind: one.status for one in reversed(requests.of_person(self.site.house, self.person))}

    def ref(self, kind: Kind) -> str:
        rows = requests.of_person(self.site.house, self.person)
        return next(one.ref for one in rows if one.kind == kind.value)


def session(site: Site, who: str, **fields: str) -> Session:
    """A session of somebody new."""
    return Session(site, member(site.house, f"{who}@requests.example", OFFERS, **fields))


def work(site: Site) -> None:
    """The worker's turns, until nothing is due."""
    while rights_run.sweep(site.house):
        pass


def allowed(site: Site, person: int) -> bool:
    gate = Gate(site.house)
    try:
        return gate.ask(person, QUESTION).allow
    finally:
        gate.close()


def by_mail(site: Site, person: int, kind: Kind, **more: object) -> str:
    """Somebody asks by mail in a person's name; the reference."""
    said = Said(kind=kind, via=Via.MAIL, person=person, **more)  # type: ignore[arg-type]  # fields by name
    return requests.open_(site.house, said, actor="test").ref


def test_every_kind_is_offered_with_a_sentence_and_a_button(site: Site) -> None:
    ann = session(site, "offered")
    for kind in Kind:
        assert words.of("en").plain(f"ask_{kind.value}") in ann.page.text
        assert words.of("en").plain(f"ask_{kind.value}_what") in ann.page.text
        assert ann.get(f"/me/ask/{kind.value}").status == 200
    assert ann.get("/me/ask/everything").status == 404


def test_a_copy_asked_for_in_a_session_runs_at_once_and_is_fetched_there(site: Site) -> None:
    ann = session(site, "copy", name="Ann Copy")
    asked = ann.post("/me/ask/access")
    assert asked.status == 200
    assert ann.rows()["access"] == "ready"
    assert words.of("en").plain("status_ready") in asked.text
    assert "days left" in asked.text
    work(site)
    ref = ann.ref(Kind.ACCESS)
    assert words.of("en").plain("outcome_access") in ann.get(f"/me/request/{ref}").text
    copy = ann.get(f"/me/request/{ref}/copy")
    assert copy.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(copy.body)) as archive:
        assert b"copy@requests.example" in archive.read("amana-addresses.json")
    page = ann.get(f"/me/request/{ref}/page")
    assert "copy@requests.example" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "sandbox" in page.headers["content-security-policy"]
    printed = ann.get(f"/me/request/{ref}/pdf")
    assert printed.body.startswith(b"%PDF-") or printed.status == 404


def test_an_erasure_is_asked_once_more_and_then_contact_ends_at_once(site: Site) -> None:
    ann = session(site, "erase")
    assert allowed(site, ann.person)
    once = ann.post("/me/ask/erasure")
    assert words.of("en").plain("ask_erasure_do") in once.text
    assert "erasure" not in ann.rows()
    sure = ann.post("/me/ask/erasure", sure="1")
    assert ann.rows()["erasure"] == "ready"
    assert not allowed(site, ann.person)
    link = re.findall(r'href="(/q/[^"?]+)', sure.text)[0]
    work(site)
    assert ann.rows()["erasure"] == "deciding"  # this site sends no mail: nobody could tell her
    requests.decide(site.house, ann.ref(Kind.ERASURE), go=True, reason="told by letter", actor="dpo")
    work(site)
    assert site.ask("/me", cookie=ann.cookie).status == 404
    followed = site.ask(link)
    assert words.of("en").plain("outcome_erasure") in followed.text
    assert "erase@requests.example" not in followed.text


@pytest.mark.parametrize("kind", ["objection", "withdrawal", "restriction"])
def test_a_no_counts_before_the_page_answers(site: Site, kind: str) -> None:
    ann = session(site, f"no-{kind}")
    assert ann.post(f"/me/ask/{kind}").status == 200
    assert not allowed(site, ann.person)
    work(site)
    assert ann.rows()[kind] == "answered"


def test_a_correction_carries_only_what_the_person_changed(site: Site) -> None:
    ann = session(site, "correct", name="Ann Old")
    page = ann.get("/me/ask/rectification").text
    assert 'value="Ann Old"' in page
    nothing = ann.post("/me/ask/rectification", **{"field-name": "Ann Old"})
    assert nothing.status == 400
    assert words.of("en").plain("nothing_corrected") in nothing.text
    assert ann.post("/me/ask/rectification", **{"field-residence": "Atlantis"}).status == 400
    assert "rectification" not in ann.rows()
    assert ann.post("/me/ask/rectification", **{"field-name": "Ann New"}).status == 200
    row = requests.get(site.house, ann.ref(Kind.RECTIFICATION))
    assert requests.content(site.house, row).corrections == {"user.name": "Ann New"}
    work(site)
    assert ann.rows()["rectification"] == "answered"
    assert 'value="Ann New"' in ann.get("/me").text


def test_what_was_asked_in_somebodys_name_is_not_erased_because_they_opened_their_data(site: Site) -> None:
    person = member(site.house, "claimed@requests.example", OFFERS)
    erasure, copy = (by_mail(site, person, one) for one in (Kind.ERASURE, Kind.ACCESS))
    mailed(site.house)
    ann = Session(site, person)
    assert ann.rows() == {"erasure": "verifying", "access": "ready"}
    assert words.of("en").plain("status_to_confirm") in ann.page.text
    assert words.of("en").plain("request_mine") in ann.get(f"/me/request/{erasure}").text
    assert ann.post(f"/me/request/{erasure}", sure="1").status == 200
    assert ann.rows()["erasure"] == "ready"
    assert copy != erasure


def test_asking_in_a_session_for_what_waits_for_proof_is_the_proof(site: Site) -> None:
    person = member(site.house, "twice@requests.example", OFFERS)
    ref = by_mail(site, person, Kind.ERASURE)
    mailed(site.house)
    ann = Session(site, person)
    ann.post("/me/ask/erasure", sure="1")
    assert requests.get(site.house, ref).status == "ready"


def test_a_request_is_taken_back_until_it_runs(site: Site) -> None:
    ann = session(site, "back")
    ann.post("/me/ask/access")
    path = f"/me/request/{ann.ref(Kind.ACCESS)}"
    assert ann.post(path, cancel="1").status == 200
    assert ann.rows()["access"] == "cancelled"
    assert ann.post(path, cancel="1").status == 409
    assert words.of("en").plain("request_cancel") not in ann.get(path).text


def test_nothing_is_asked_or_taken_back_without_the_word_of_the_session(site: Site) -> None:
    ann, other = session(site, "word"), session(site, "other")
    ann.post("/me/ask/portability")
    before = ann.rows()
    for path in ("/me/ask/access", f"/me/request/{ann.ref(Kind.PORTABILITY)}"):
        for csrf in ([], [("csrf", other.csrf)], [("csrf", "שלום")]):
            assert site.ask(path, [*csrf, ("cancel", "1")], cookie=ann.cookie).status == 400
        assert site.ask(path, [("csrf", ann.csrf)]).status == 404
    assert ann.rows() == before


def test_another_persons_request_is_no_different_from_none(site: Site) -> None:
    ann, other = session(site, "mine"), session(site, "yours")
    ann.post("/me/ask/access")
    work(site)
    ref = ann.ref(Kind.ACCESS)
    for path in (f"/me/request/{ref}", f"/me/request/{ref}/copy", f"/me/request/{ref}/page"):
        assert ann.get(path).status == 200
        assert other.get(path).status == 404
        assert site.ask(path).status == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_shows_how_one_request_stands_in_the_readers_language_and_nothing_else(
    site: Site, language: str
) -> None:
    email = f"{language}-link@requests.example"
    person = member(site.house, email, OFFERS, name="Ann Private")
    ref = by_mail(site, person, Kind.ERASURE, language=language)
    path = f"/q/{following.word(site.house, ref)}"
    page = site.ask(path)
    assert page.headers["content-language"] == language
    assert words.of(language).plain("status_verifying") in page.text
    assert words.of(language).day(requests.get(site.house, ref).due) in page.text
    assert email not in page.text
    assert "Ann Private" not in page.text
    assert "<form" not in page.text
    before = site.content()
    site.ask(path)
    assert site.content() == before
    assert site.ask(path, [("cancel", "1")]).status == 405


def test_a_link_that_was_changed_leads_nowhere(site: Site) -> None:
    one, two = (
        by_mail(site, member(site.house, f"{name}-bent@requests.example", OFFERS), Kind.ACCESS)
        for name in ("a", "b")
    )
    held, other = (following.word(site.house, ref) for ref in (one, two))
    for bad in (held[:-1], held + "A", other[:8] + held[8:], held.lower(), "שלום", "x" * 400):
        with pytest.raises(errors.NotFound):
            following.opened(site.house, bad)
    assert following.opened(site.house, held).ref == one


def test_who_was_refused_reads_the_reason_in_their_session_and_the_way_to_complain(site: Site) -> None:
    ann = session(site, "refused")
    ref = by_mail(site, ann.person, Kind.ACCESS, ground="asked_often")
    requests.decide(site.house, ref, go=False, reason="Answered a week ago.", actor="dora")
    page = ann.get(f"/me/request/{ref}").text
    assert "Answered a week ago." in page
    assert words.of("en").plain("request_complain") in page
    link = site.ask(f"/q/{following.word(site.house, ref)}").text
    assert "Answered a week ago." not in link


def test_a_guardian_proves_a_childs_request_through_the_address_on_record(site: Site) -> None:
    form = [("birth-month", "5"), ("birth-year", "2015"), ("country", "DE"), ("choice", "news:email")]
    site.ask("/f/club", [*form, ("guardian", "yes"), ("email", "parent@requests.example")])
    site.ask(f"/c/{mailed(site.house, 'confirm')[-1]['token']}", [])
    said = Said(kind=Kind.ERASURE, via=Via.MAIL, asker=Asker.GUARDIAN, address="parent@requests.example")
    row = requests.open_(site.house, said, actor="test")
    assert row.status == "verifying"
    mailed(site.house)
    parent = Session(site, row.person)
    parent.post(f"/me/request/{row.ref}", sure="1")
    assert parent.rows()["erasure"] == "ready"
    parent.post("/me/ask/access")
    assert requests.get(site.house, parent.ref(Kind.ACCESS)).asker == "guardian"


def test_stages_are_told_in_order_and_never_ahead_of_the_work(site: Site) -> None:
    ann = session(site, "stages")
    ann.post("/me/ask/access")
    row = requests.get(site.house, ann.ref(Kind.ACCESS))
    reached = [one.value for _, one in following.standing(site.house, row).stages]
    assert reached == ["done", "done", "now", "ahead", "ahead"]
    work(site)
    told = following.standing(site.house, requests.get(site.house, row.ref))
    assert told.status is Status.ANSWERED
    assert {one.value for _, one in told.stages} == {"done"}


def test_who_is_erased_while_another_request_of_theirs_runs_holds_up_nobody(site: Site) -> None:
    ann, bo = session(site, "gone"), session(site, "stays")
    erasure = ann.post("/me/ask/erasure", sure="1")
    ann.post("/me/ask/access")
    ann.post("/me/ask/restriction")
    refs = [ann.ref(one) for one in (Kind.ACCESS, Kind.RESTRICTION)]
    bo.post("/me/ask/restriction")
    assert erasure.status == 200
    work(site)
    assert bo.rows()["restriction"] == "answered"
    rows = [requests.get(site.house, ref) for ref in refs]
    assert all(one.ended for one in rows)
    page = site.ask(f"/q/{following.word(site.house, refs[0])}").text
    if rows[0].outcome == "erased_before":
        assert words.of("en").plain("outcome_access") not in page


@pytest.mark.parametrize("language", ["en", "ar", "he", "ru", "th"])
def test_a_restriction_that_was_lifted_says_so_in_every_language(site: Site, language: str) -> None:
    ann = session(site, f"lifted-{language}")
    said = Said(kind=Kind.RESTRICTION, via=Via.STAFF, person=ann.person, proved=Identity.CONTROLLED)
    ref = requests.open_(site.house, said, actor="dpo").ref
    work(site)
    kept, lifted = (words.of(language).plain(f"outcome_{one}") for one in ("restriction", "lifted"))
    path = f"/me/request/{ref}?lang={language}"
    assert kept in site.ask(path, cookie=ann.cookie).text
    requests.lift(site.house, ref, "checked", actor="dpo")
    shown = site.ask(path, cookie=ann.cookie).text
    assert lifted in shown
    assert kept not in shown
