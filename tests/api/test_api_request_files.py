"""Evidence and copies over HTTP: who gets them, in which form, and that each look is on record."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from api_samples import Client, TestClock

from amana import errors
from amana.api import limits
from amana.services.record import api_keys
from amana.services.record.house import House
from amana.services.rights import printing
from amana.storage import register

ANN = "ann@example.com"
WHY = "answering the complaint 7 of the authority"


@pytest.fixture
def desk(client: Client, house: House) -> Client:
    """A key of all brands of a privacy desk: it opens requests, vouches, and may open values."""
    client.signs_up(ANN)
    return client.with_key(api_keys.make(house, "desk", ["*"], ["request", "vouch", "reveal"]).key)


@pytest.fixture
def plain(house: House, desk: Client) -> Client:
    """A key of all brands that may not open values."""
    return desk.with_key(api_keys.make(house, "plain", ["*"], ["request"]).key)


def answered(desk: Client, kind: str = "access", **said: Any) -> str:
    """The reference of a request about Ann that was answered."""
    opened = desk.post("/v1/requests", {"kind": kind, "email": ANN, "checked": True} | said)
    ref: str = opened.json()["ref"]
    ran = desk.post(f"/v1/requests/{ref}/run", None)
    assert ran.json()["status"] == "answered", ran.text
    return ref


def pack(who: Client, ref: str, purpose: str = "", **wanted: Any) -> Any:
    return who.post(f"/v1/requests/{ref}/pack", wanted, **({"X_Amana_Purpose": purpose} if purpose else {}))


def copied(who: Client, ref: str, purpose: str = WHY, **wanted: Any) -> Any:
    return who.post(f"/v1/requests/{ref}/copy", wanted, **({"X_Amana_Purpose": purpose} if purpose else {}))


def files(answer: Any) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def looks(house: House) -> list[tuple[str, str]]:
    """Who opened values of somebody over this interface, and as what it was written down."""
    with house.database.read() as connection:
        found = register.looks(connection)
    return [(actor, purpose) for _, actor, purpose, _, _ in found if actor.startswith("api:")]


def test_the_evidence_is_an_archive_without_a_value_of_the_person_and_its_page_speaks_the_language(
    desk: Client, plain: Client, house: House
) -> None:
    ref = answered(desk)
    answer = pack(plain, ref, language="he")
    found = files(answer)
    assert answer.headers["content-disposition"] == f'attachment; filename="{ref}-evidence.zip"'
    assert answer.headers["cache-control"] == "no-store"
    assert '<html lang="he" dir="rtl">' in found["evidence.html"].decode()
    assert json.loads(found["evidence.json"])["ref"] == ref
    assert not [name for name, body in found.items() if ANN.encode() in body]
    assert looks(house) == []


def test_receipts_with_values_need_a_key_that_reveals_and_a_purpose_and_are_written_down(
    desk: Client, plain: Client, house: House
) -> None:
    opened = desk.post(
        "/v1/requests",
        {"kind": "rectification", "email": ANN, "checked": True, "corrections": {"user": "GB"}},
    )
    ref = opened.json()["ref"]
    desk.post(f"/v1/requests/{ref}/run", None)
    assert pack(plain, ref, WHY, values=True).status_code == 403
    assert pack(desk, ref, values=True).status_code == 400
    assert pack(desk, ref, " ", values=True).status_code == 400
    assert looks(house) == []
    without, within = files(pack(desk, ref)), files(pack(desk, ref, WHY, values=True))
    assert set(without) <= set(within)
    assert len(looks(house)) == len(within) - len(without)


def test_a_copy_comes_in_four_forms_and_each_fetch_is_a_look(desk: Client, house: House) -> None:
    ref = answered(desk)
    archive = files(copied(desk, ref))
    page, whole = copied(desk, ref, form="page"), copied(desk, ref, form="json")
    assert page.headers["content-type"].startswith("text/html")
    assert page.content == archive["copy.html"]
    assert whole.json()["ref"] == ref
    assert ANN in page.text
    assert ANN in whole.text
    assert looks(house) == [(f"api:desk: {WHY}", f"copy of {ref}")] * 3


def test_a_copy_needs_a_key_that_reveals_and_a_purpose(desk: Client, plain: Client, house: House) -> None:
    ref = answered(desk)
    assert copied(plain, ref).status_code == 403
    assert copied(desk, ref, "").status_code == 400
    assert copied(desk, ref, form="carved in stone").status_code == 400
    assert looks(house) == []


def test_what_is_not_there_or_not_theirs_is_the_same_404(desk: Client, house: House, client: Client) -> None:
    ref = answered(desk)
    theirs = client.with_key(api_keys.make(house, "orchard", ["orchard"], ["request", "reveal"]).key)
    for ask in (pack, copied):
        known, unknown = ask(theirs, ref), ask(theirs, "R-0000-0000")
        assert known.status_code == unknown.status_code == 404
        assert known.headers["content-type"] == "application/problem+json"
        told = [{**one.json(), "instance": ""} for one in (known, unknown)]
        assert told[0] == told[1]
    assert looks(house) == []


def test_a_copy_that_is_not_made_yet_or_gone_is_404(desk: Client, clock: TestClock) -> None:
    waits = desk.post("/v1/requests", {"kind": "access", "email": ANN}).json()["ref"]
    assert copied(desk, waits).status_code == 404
    desk.post(f"/v1/requests/{waits}/cancel", None)
    ref = answered(desk)
    assert copied(desk, ref).status_code == 200
    clock.now += 31 * 86_400
    assert copied(desk, ref).status_code == 404


def test_where_nothing_prints_a_pdf_is_refused_and_the_rest_is_there(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> bytes:
        raise errors.BadSettings("This machine cannot print a PDF")

    ref = answered(desk)
    monkeypatch.setattr(printing, "pdf", broken)
    for refused in (pack(desk, ref, printed=True), copied(desk, ref, form="pdf")):
        assert refused.status_code == 404
        assert "page can be printed" in refused.json()["remedy"]
    assert "evidence.html" in files(pack(desk, ref))


@pytest.mark.slow
def test_what_is_printed_is_a_pdf(desk: Client) -> None:
    ref = answered(desk)
    assert files(pack(desk, ref, printed=True))["evidence.pdf"].startswith(b"%PDF")
    answer = copied(desk, ref, form="pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")


def test_packing_is_held_to_the_pace_of_heavy_work(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAVY", limits.Limit(rate=0.001, burst=2))
    ref = answered(desk)
    assert [pack(desk, ref).status_code for _ in range(3)] == [200, 200, 429]
    assert desk.get(f"/v1/requests/{ref}").status_code == 200


@pytest.mark.parametrize("wanted", [{"language": "tlh"}, {"surprise": 1}, {"values": "yes"}])
def test_what_cannot_be_packed_is_refused(desk: Client, wanted: dict[str, Any]) -> None:
    answer = pack(desk, answered(desk), **wanted)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
