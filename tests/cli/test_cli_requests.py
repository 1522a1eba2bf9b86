"""Requests from the command line: a run says what it did, and whoever is stopped is told what to type next."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cli_samples import Amana

ANN = "ann@example.com"
CORRECTION = ("rectification", "--correct", "user.name=Ann Bell", "--proved", "checked")
SYSTEM = """
[system]
kind = "sql"
label = "Web shop"
country = "GB"
purposes = ["newsletter"]
datasets = ["shop.yml"]
[settings]
url = "sqlite:///shop.db"
"""
DATASET = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - name: id
            fides_meta: {primary_key: true, data_type: integer}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email, data_type: string, length: 80}
          - name: name
            data_categories: [user.name]
            fides_meta: {data_type: string}
"""


@pytest.fixture
def shop(workspace: Path) -> Path:
    """The workspace, with a connected shop that knows Ann."""
    (workspace / "systems").mkdir(exist_ok=True)
    (workspace / "systems" / "shop.toml").write_text(SYSTEM, "utf-8")
    (workspace / "systems" / "shop.yml").write_text(DATASET, "utf-8")
    connection = sqlite3.connect(workspace / "shop.db")
    with connection:
        connection.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, name TEXT)")
        connection.execute("INSERT INTO customers VALUES (1, ?, 'Anne Bel')", [ANN])
    connection.close()
    return workspace


def opened(amana: Amana, kind: str, *more: str) -> Any:
    """The answer to opening a request about Ann."""
    ran = amana("request", "open", kind, ANN, "--json", *more)
    assert ran.status == 0, ran.err
    return ran.json


def typed(amana: Amana, line: str) -> Any:
    """Type what the program printed, as it stands."""
    words = shlex.split(line.replace("…", "because"))
    assert words.pop(0) == "amana"
    return amana(*words)


def test_a_run_says_what_it_did_system_by_system_without_a_value(shop: Path, amana: Amana) -> None:
    ref = opened(amana, *CORRECTION)["ref"]
    ran = amana("request", "run", ref)
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[:2] == [
        "  shop: done; 1 row found, 1 changed or deleted",
        "  amana: done",
    ]
    assert not re.search(r"@|Bell?\b", ran.out + ran.err)


def test_a_run_leaves_a_log_line_with_the_reference_and_counts_beside_the_answer(
    shop: Path, amana: Amana
) -> None:
    ref = opened(amana, "access", "--proved", "checked")["ref"]
    ran = amana("request", "run", ref, "--json")
    assert [one["system"] for one in ran.json["systems"]] == ["shop", "amana"]
    (line,) = [one for one in ran.err.splitlines() if "request_run" in one]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    for said in (f"request={ref}", "systems=2", "systems_done=2", "found=1", "status=answered"):
        assert said in plain


def test_a_run_that_is_stopped_says_by_what_and_what_stands(shop: Path, amana: Amana) -> None:
    ref = opened(amana, *CORRECTION)["ref"]
    (shop / "shop.db").unlink()
    ran = amana("request", "run", ref)
    assert re.search(r"^  shop: (in trouble|STOPPED)[^@]* of \d steps done", ran.out, re.MULTILINE), ran.out
    assert "Next: " in ran.out


def test_what_cannot_run_says_what_to_type_next_and_that_can_be_typed(shop: Path, amana: Amana) -> None:
    ref = opened(amana, "access")["ref"]
    waits = amana("request", "run", ref)
    assert waits.status == 4
    [line] = re.findall(r"amana request open access p\d+ --proved checked", waits.err)
    assert typed(amana, line).status == 0
    assert amana("request", "run", ref).status == 0
    over = amana("request", "run", ref, "--json")
    assert over.status == 4
    told = json.loads(over.err.splitlines()[-1])
    assert told["remedy"].startswith(f"amana request copy {ref} {ref}.zip --purpose ")


def test_a_decision_about_what_waits_for_none_says_what_to_type_next(shop: Path, amana: Amana) -> None:
    ref = opened(amana, "access", "--proved", "checked")["ref"]
    refused = amana("request", "decide", ref, "--go", "--reason", "why not")
    assert refused.status == 4
    assert f"amana request plan {ref}, then amana request run {ref}" in refused.err


@pytest.mark.parametrize("meant", ["12", "p0", "Ann", ANN, "p99999999999"])
def test_a_decision_about_an_unreadable_person_is_refused_and_nothing_is_decided(
    shop: Path, amana: Amana, meant: str
) -> None:
    first = opened(amana, "access", "--asker", "agent")
    assert first["status"] == "deciding"
    refused = amana("request", "decide", first["ref"], "--go", "--reason", "r", "--person", meant)
    assert refused.status == 2
    assert "no person's id" in refused.err
    assert ANN not in refused.err
    assert amana("request", "show", first["ref"], "--json").json["status"] == "deciding"


def test_a_decision_without_a_reason_is_refused(shop: Path, amana: Amana) -> None:
    ref = opened(amana, "access")["ref"]
    assert amana("request", "decide", ref, "--go", "--reason", " ").status == 2


def test_a_count_of_one_is_one(shop: Path, amana: Amana) -> None:
    told = opened(amana, "access", "--proved", "checked")
    assert told["next"].startswith("amana request plan")
    ran = amana("request", "run", told["ref"])
    copy = amana("request", "copy", told["ref"], shop / "copy.zip", "--purpose", "a test")
    said = ran.out + copy.out
    assert not re.search(r"\b1 (rows|steps|entries|systems|days)\b", said), said
