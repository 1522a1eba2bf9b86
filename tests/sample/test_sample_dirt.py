"""Faults never touch what an importer must be able to read."""

from __future__ import annotations

from amana.sample.dirt import soil
from amana.sample.draw import Draw
from amana.sample.layouts import crm_row, kept
from amana.sample.people import Age, people
from amana.sample.records import records


def test_faults_leave_the_kept_columns_alone() -> None:
    draw = Draw("test", 1)
    touched = set()
    for held in records(people(5, 3_000), 5):
        if held.crm is None:
            continue
        clean = crm_row(held.person, held.crm, draw)
        keep = kept(clean, held)
        for _ in range(10):
            row = dict(clean)
            soil(row, draw, keep)
            changed = {column for column in row if row[column] != clean[column]}
            assert not changed & keep
            touched |= changed
    assert touched == {
        "mobile",
        "email",
        "country",
        "region",
        "birth_date",
        "consent_date",
        "last_purchase_date",
    }


def test_what_says_no_and_what_tells_a_child_is_kept() -> None:
    draw = Draw("test", 1)
    seen = set()
    for held in records(people(5, 3_000), 5):
        if held.crm is None:
            continue
        keep = kept(crm_row(held.person, held.crm, draw), held)
        needed = {"customer_id"}
        needed |= {"email"} if held.crm.says_no_to_email else set()
        needed |= {"mobile"} if held.crm.says_no_to_sms else set()
        needed |= {"birth_date"} if held.person.age is Age.CHILD else set()
        assert needed <= keep
        seen |= needed
    assert seen == {"customer_id", "email", "mobile", "birth_date"}
