"""Every engine gives each person exactly the reasons that the scalar rules give.

Rule: random questions under the real law, crowds on every edge of them; bit for bit, and so also the reason shown
first. A long run (`AMANA_SOAK=1`) asks two hundred questions of a hundred thousand people, and the same of twenty
thousand on PostgreSQL and Spark. The scalar rules decide every person of a question once, for all engines (ten
microseconds a person; nine people in ten are like nobody else in their crowd, so there is nothing to remember). So the
tests go question by question and, within one, engine by engine.
"""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
import pytest
from crowd import HANDLED, Array, Asked, asked, scalar_bits

from amana.core import rules
from amana.screening import blocks, engines

SOAK = bool(os.environ.get("AMANA_SOAK"))
QUESTIONS, PEOPLE = (200, 100_000) if SOAK else (24, 20_000)
FEW = (*range(3), HANDLED[0])
LOCAL = ("numpy", "numba", "duckdb")


@lru_cache(maxsize=4 if SOAK else 40)
def reference(seed: int, people: int) -> tuple[Asked, Array]:
    one = asked(seed, people)
    return one, scalar_bits(one)


def local(name: str) -> engines.Engine:
    if name != "numpy":
        pytest.importorskip({"numba": "numba", "duckdb": "ibis"}[name], reason="its extra is not installed")
    return engines.named(name)


def assert_agrees(engine: engines.Engine, one: Asked, expected: Array) -> None:
    answer = engine.screen(one.facts, one.law, one.ask)
    assert answer.bits.dtype == np.uint64
    assert np.array_equal(answer.bits, expected)
    assert answer.sets == blocks.distinct(expected)
    assert answer.ran.rows == len(expected)
    assert answer.ran.seconds > 0


@pytest.mark.parametrize("name", LOCAL)
def test_an_engine_agrees_with_the_rules_on_every_channel_use_and_sharing_for_a_few_people(name: str) -> None:
    for seed in (*range(8), *HANDLED):
        assert_agrees(local(name), *reference(seed, 500))


@pytest.mark.slow
@pytest.mark.parametrize("name", LOCAL)  # changes faster than the question, which is decided once
@pytest.mark.parametrize("seed", range(QUESTIONS))
def test_an_engine_agrees_with_the_rules_person_for_person(seed: int, name: str) -> None:
    assert_agrees(local(name), *reference(seed, PEOPLE))


@pytest.mark.slow
def test_postgres_agrees_with_the_rules(postgres: engines.Engine) -> None:
    for seed in range(QUESTIONS) if SOAK else FEW:
        assert_agrees(postgres, *reference(seed, 20_000))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # the bridge to Java leaves its socket to the collector
def test_spark_agrees_with_the_rules(spark: engines.Engine) -> None:
    for seed in range(QUESTIONS) if SOAK else FEW:
        assert_agrees(spark, *reference(seed, 20_000))


@pytest.mark.slow
def test_the_questions_make_every_rule_once_the_only_denier_and_once_silent() -> None:
    sets: set[int] = set()
    for seed in range(24):
        one = asked(seed, 20_000)
        sets.update(blocks.distinct(blocks.screen(one.facts, one.law, one.ask)))
    for entry in rules.BOOK:
        assert 1 << entry.bit in sets, f"{entry.code} never denies alone"
        assert any(not bits >> entry.bit & 1 for bits in sets), f"{entry.code} always denies"


@pytest.mark.parametrize("name", LOCAL)
def test_nobody_and_one_person_are_crowds_too(name: str) -> None:
    one, expected = reference(1, 500)
    for size in (0, 1):
        cut = one._replace(facts={name: column[:size] for name, column in one.facts.items()})
        answer = local(name).screen(cut.facts, cut.law, cut.ask)
        assert np.array_equal(answer.bits, expected[:size])


@pytest.mark.parametrize("name", LOCAL)
def test_a_fact_given_as_one_value_for_all_is_read_as_such(name: str) -> None:
    one = asked(2, 500)
    flat = one.facts | {"sent_day": np.zeros(500, np.int16), "restricted": np.ones(500, np.bool_)}
    broadcast = flat | {
        "sent_day": np.broadcast_to(np.int16(0), 500),
        "restricted": np.broadcast_to(np.bool_(True), 500),
    }
    expected = scalar_bits(one._replace(facts=flat))
    assert np.array_equal(local(name).screen(broadcast, one.law, one.ask).bits, expected)


@pytest.mark.parametrize("name", LOCAL)
def test_a_crowd_larger_than_a_block_keeps_its_order(name: str) -> None:
    one = asked(5, 500)
    times = 2 * blocks.BLOCK // 500 + 1
    many = {name: np.tile(column, times) for name, column in one.facts.items()}
    expected = np.tile(scalar_bits(one), times)
    assert np.array_equal(local(name).screen(many, one.law, one.ask).bits, expected)
