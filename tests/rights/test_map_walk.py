"""The walk over a data map: what is asked, by what, in which order; and what of it is erased, in which order.

Rule: the expected walks are written by hand, one line for each step: the collection, then what leads to it.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana import errors
from amana.core import datasets, graphs, system_files, traversal
from amana.core.data_map import (
    Collection,
    DataMap,
    Dataset,
    DataType,
    Direction,
    Field,
    Place,
    Reference,
    System,
)
from amana.core.traversal import Walk, Why

HERE = Path(__file__).parent / "datasets"


def data_map(text: str, kind: str = "sql") -> DataMap:
    """The map of one file, all of it in one system."""
    documents = {
        "one.yml": text,
        "one.toml": f'[system]\nkind = "{kind}"\ncountry = "DE"\ndatasets = ["one.yml"]\n',
    }
    found, problems = system_files.assemble(documents)
    assert not problems
    return found


def of_file(name: str) -> DataMap:
    return data_map((HERE / name).read_text("utf-8"))


def lines(walk: Walk) -> list[str]:
    """The walk as it is written by hand below."""
    told = []
    for step in walk.steps:
        ways = [f"{kind} = {path}" for path, kind in step.identities]
        ways += [f"{edge.source} = {edge.target.path}" for edge in step.edges]
        told.append(f"{step.node} by " + ", ".join(ways))
    return told


def complaints(found: DataMap) -> list[str]:
    return [one.sentence() for one in traversal.problems(found)]


# ---- what is asked, in which order ------------------------------------------------------------------------------


def test_references_are_walked_in_their_direction_and_from_objects_and_arrays() -> None:
    assert lines(traversal.walk(of_file("ways.yml"), {"email"})) == [
        "crm:people by email = contact.emails",
        "billing.eu:accounts by crm:people.contact.emails = owner",
        "crm:tickets by billing.eu:accounts.last_ticket = id, crm:people.id = person",
        "billing.eu:cards by billing.eu:accounts.id = account",
    ]


def test_a_reference_without_a_direction_is_walked_from_either_end() -> None:
    text = """
dataset:
- fides_key: s
  collections:
  - name: events
    fields:
    - {name: device, data_categories: [user.device], fides_meta: {identity: device}}
    - {name: who, fides_meta: {references: [{dataset: s, field: people.id}]}}
  - name: people
    fields:
    - {name: id, data_categories: [user], fides_meta: {identity: customer}}
"""
    assert lines(traversal.walk(data_map(text), {"device"})) == [
        "s:events by device = device",
        "s:people by s:events.who = id",
    ]
    assert lines(traversal.walk(data_map(text), {"customer"})) == [
        "s:people by customer = id",
        "s:events by s:people.id = who",
    ]


def test_a_reference_with_a_direction_is_not_walked_against_it() -> None:
    text = """
dataset:
- fides_key: s
  collections:
  - name: a
    fields: [{name: x, data_categories: [user], fides_meta: {identity: one}}]
  - name: b
    fields:
    - name: x
      data_categories: [user]
      fides_meta: {identity: two, references: [{dataset: s, field: a.x, direction: DIRECTION}]}
"""
    steps = {
        (direction, kind): lines(traversal.walk(data_map(text.replace("DIRECTION", direction)), {kind}))
        for direction in ("from", "to")
        for kind in ("one", "two")
    }
    assert steps["from", "one"] == ["s:a by one = x", "s:b by s:a.x = x"]
    assert steps["from", "two"] == ["s:b by two = x"]
    assert steps["to", "one"] == ["s:a by one = x"]
    assert steps["to", "two"] == ["s:b by two = x", "s:a by s:b.x = x"]


def test_in_a_circle_the_nearest_comes_first_and_then_the_name() -> None:
    collections = "".join(
        f"  - name: {name}\n    fields:\n    - name: x\n      data_categories: [user]\n      fides_meta: {{{more}"
        f"references: [{', '.join(f'{{dataset: s, field: {other}.x, direction: to}}' for other in follow)}]}}\n"
        for name, follow, more in (
            ("s", "zm", "identity: email, "),
            ("m", "a", ""),
            ("a", "s", ""),
            ("z", "s", ""),
        )
    )
    text = f"dataset:\n- fides_key: s\n  collections:\n{collections}"
    walk = traversal.walk(data_map(text), {"email"})
    assert [step.node.collection for step in walk.steps] == ["s", "m", "z", "a"]


def test_identities_that_a_request_does_not_have_lead_nowhere() -> None:
    walk = traversal.walk(of_file("ways.yml"), {"phone_number"})
    assert lines(walk)[0] == "crm:people by phone_number = contact.phone"
    assert not walk.unreached
    nothing = traversal.walk(of_file("ways.yml"), {"device"})
    assert not nothing.steps
    assert [str(one) for one in nothing.unreached] == [
        "billing.eu:accounts",
        "billing.eu:cards",
        "crm:people",
        "crm:tickets",
    ]


def test_a_circle_is_walked_once_round_from_the_nearest() -> None:
    found = of_file("circle.yml")
    assert not complaints(found)
    assert lines(traversal.walk(found, {"email"})) == [
        "ring:b by email = email",
        "ring:c by ring:b.to_c = id",
        "ring:a by ring:c.to_a = id",
        "ring:d by ring:a.id = of_a",
    ]


def test_after_holds_a_collection_and_a_dataset_back() -> None:
    found = of_file("after.yml")
    assert not complaints(found)
    assert [line.split(" by ")[0] for line in lines(traversal.walk(found, {"email"}))] == [
        "early:z",
        "late:y",
        "early:x",
        "last:a",
    ]


def test_erasure_goes_in_levels() -> None:
    found = traversal.walk(of_file("after.yml"), {"email"})
    assert [[str(one) for one in level] for level in found.erasure] == [
        ["early:x", "early:z"],
        ["late:y"],
        ["last:a"],
    ]


def test_a_node_waits_for_all_that_lead_to_it_though_a_shorter_way_is_open() -> None:
    text = """
dataset:
- fides_key: s
  collections:
  - name: a
    fields:
    - {name: email, data_categories: [user], fides_meta: {identity: email}}
    - name: x
      fides_meta:
        references: [{dataset: s, field: b.x, direction: to}, {dataset: s, field: z.x, direction: to}]
  - name: b
    fields: [{name: x, data_categories: [user]}]
  - name: z
    fields:
    - {name: x, data_categories: [user]}
    - {name: y, fides_meta: {references: [{dataset: s, field: b.x, direction: to}]}}
"""
    assert lines(traversal.walk(data_map(text), {"email"})) == [
        "s:a by email = email",
        "s:z by s:a.x = x",
        "s:b by s:a.x = x, s:z.y = x",
    ]


def test_systems_that_are_asked_as_a_whole_are_not_walked() -> None:
    found = data_map((HERE / "circle.yml").read_text("utf-8"), kind="manual")
    walk = traversal.walk(found, {"email"})
    assert not walk.steps
    assert not walk.unreached
    assert walk.desks == ("one",)


@pytest.mark.parametrize("seed", ["0", "1", "4321"])
def test_the_walk_is_the_same_whatever_the_hash_seed(seed: str) -> None:
    program = (
        "import sys; from pathlib import Path; from amana.core import system_files, traversal\n"
        "folder = Path(sys.argv[1])\n"
        "files = {f.name: f.read_text('utf-8') for f in folder.glob('*.yml')}\n"
        "files['all.toml'] = '[system]\\nkind = \"sql\"\\ndatasets = ' + repr(sorted(files))\n"
        "found, problems = system_files.assemble(files)\n"
        "print(problems, traversal.problems(found), traversal.walk(found, {'email', 'phone_number'}))\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program, str(HERE)],
            env=os.environ | {"PYTHONHASHSEED": one},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for one in (seed, "77")
    ]
    assert told[0] == told[1]
    assert "ring" in told[0]
    assert "shop" in told[0]


# ---- mistakes ---------------------------------------------------------------------------------------------------

MISTAKES = {
    "a missing dataset": ("[{dataset: gone, field: b.x}]", "gone:b.x names a dataset that is not there"),
    "a missing collection": (
        "[{dataset: s, field: gone.x}]",
        "s:gone.x names a collection that is not there",
    ),
    "a missing field": (
        "[{dataset: s, field: b.gone}]",
        "s:b.gone names a field that is not there. Expected o, x",
    ),
    "an object": ("[{dataset: s, field: b.o}]", "s:b.o names an object. Expected a field inside it"),
    "itself": ("[{dataset: s, field: a.x}]", "s:a.x names the field itself"),
}
TWO = """
dataset:
- fides_key: s
  collections:
  - name: a
    {meta}
    fields:
    - {{name: e, data_categories: [user], fides_meta: {{identity: email}}}}
    - {{name: x, fides_meta: {{references: {references}}}}}
  - name: b
    {other}
    fields: [{{name: x, data_categories: [{category}]}}, {{name: o, fides_meta: {{data_type: object}}}}]
"""


def two(references: str = "[]", meta: str = "", other: str = "", category: str = "user") -> DataMap:
    return data_map(TWO.format(references=references, meta=meta, other=other, category=category))


@pytest.mark.parametrize("what", MISTAKES)
def test_a_reference_to_nothing_or_to_itself_is_named(what: str) -> None:
    references, told = MISTAKES[what]
    (sentence,) = complaints(two(references))
    assert sentence.startswith("one.yml → s → a → x: The reference ")
    assert told in sentence


def test_a_collection_that_nothing_reaches_is_named() -> None:
    (sentence,) = complaints(two())
    assert "one.yml → s → b: Nothing leads to s:b" in sentence


@pytest.mark.parametrize("category", ["system.operations", "users", "userdata.name"])
def test_a_collection_that_nothing_reaches_may_stand_where_nothing_in_it_is_wanted(category: str) -> None:
    assert not complaints(two(category=category))


def test_a_skipped_collection_need_not_be_reached_and_leads_nowhere() -> None:
    skipped = two("[{dataset: s, field: b.x}]", other="fides_meta: {skip_processing: true}")
    assert not complaints(skipped)
    assert lines(traversal.walk(skipped, {"email"})) == ["s:a by email = e"]


@pytest.mark.parametrize("key", ["after", "erase_after"])
def test_a_circle_of_orders_is_named_all_the_way_round(key: str) -> None:
    found = two(
        "[{dataset: s, field: b.x}]", f"fides_meta: {{{key}: [s.b]}}", f"fides_meta: {{{key}: [s.a]}}"
    )
    (sentence,) = complaints(found)
    assert f"{key} goes round in a circle: s:a → s:b → s:a" in sentence


@pytest.mark.parametrize("key", ["after", "erase_after"])
def test_an_order_that_names_nothing_or_itself_is_named(key: str) -> None:
    (sentence,) = complaints(two("[{dataset: s, field: b.x}]", f"fides_meta: {{{key}: [s.gone]}}"))
    assert f"{key} names s:gone, which is not there" in sentence
    (sentence,) = complaints(two("[{dataset: s, field: b.x}]", f"fides_meta: {{{key}: [s.a]}}"))
    assert f"{key} goes round in a circle: s:a → s:a" in sentence


def test_datasets_that_wait_for_each_other_are_named() -> None:
    text = """
dataset:
- {fides_key: s, fides_meta: {after: [t]}, collections: [{name: a, fields: [{name: x}]}]}
- {fides_key: t, fides_meta: {after: [s]}, collections: [{name: a, fields: [{name: x}]}]}
- {fides_key: u, fides_meta: {after: [v]}, collections: [{name: a, fields: [{name: x}]}]}
"""
    assert "after names the dataset v, which is not there" in complaints(data_map(text))[0]
    assert (
        "goes round in a circle: s → t:a → t → s:a → s" in complaints(data_map(text.replace("[v]", "[s]")))[0]
    )


def test_an_order_against_the_references_is_named() -> None:
    found = two("[{dataset: s, field: b.x, direction: to}]", meta="fides_meta: {after: [s.b]}")
    sentences = complaints(found)
    assert any("s:a waits by `after` for what only it leads to" in one for one in sentences)
    with pytest.raises(errors.BadInput, match="held back by an `after`"):
        traversal.require_complete(traversal.walk(found, {"email"}))


def test_a_request_whose_identities_do_not_lead_everywhere_is_refused_by_name() -> None:
    walk = traversal.walk(of_file("ways.yml"), {"device"})
    with pytest.raises(errors.BadInput, match=r"none into billing.eu:accounts, .*crm:tickets"):
        traversal.require_complete(walk)
    traversal.require_complete(traversal.walk(of_file("ways.yml"), {"email"}))


# ---- what is erased ---------------------------------------------------------------------------------------------


def shop(name: str) -> Collection:
    return of_file("shop.yml").collection(Place("shop", name))


def paths(fields: tuple[Field, ...]) -> list[str]:
    return [field.path for field in fields]


def test_a_category_takes_what_is_at_or_below_it_on_dot_boundaries() -> None:
    cookie = Collection(
        dataset="d",
        name="c",
        fields=(
            Field(path="id", type=DataType.INTEGER, primary_key=True),
            *(
                Field(path=name, type=DataType.STRING, categories=(category,))
                for name, category in (
                    ("cookie", "user.device.cookie"),
                    ("session", "user.device.cookie.session"),
                    ("cookie_id", "user.device.cookie_id"),
                    ("device", "user.device"),
                )
            ),
        ),
    )
    assert paths(traversal.targets(cookie, ("user.device.cookie",)).mask) == ["cookie", "session"]
    assert paths(traversal.targets(cookie).mask) == ["cookie", "session", "cookie_id", "device"]


def test_an_object_with_its_own_category_is_masked_whole_and_one_without_in_its_parts() -> None:
    assert paths(traversal.targets(shop("orders")).mask) == ["customer_id", "invoice", "notes"]
    assert paths(traversal.targets(shop("customers"), ("user.contact.address",)).mask) == [
        "address.street",
        "address.city",
    ]


def test_what_is_inside_an_object_that_goes_as_a_whole_is_not_named_again() -> None:
    nested = Collection(
        dataset="d",
        name="c",
        fields=(
            Field(path="id", type=DataType.INTEGER, primary_key=True),
            Field(path="o", type=DataType.OBJECT, categories=("user.contact",)),
            Field(path="o.email", categories=("user.contact.email",)),
            Field(path="other", type=DataType.STRING, categories=("user.contact.email",)),
        ),
    )
    found = traversal.targets(nested)
    assert paths(found.mask) == ["o", "other"]
    assert not found.unmaskable
    inside = traversal.targets(nested, ("user.contact.email",))
    assert [one.field.path for one in inside.unmaskable] == ["o.email"]


def test_what_cannot_be_masked_is_an_error_and_what_is_read_only_is_told() -> None:
    def one(**more: object) -> Collection:
        key = Field(path="id", type=DataType.INTEGER, primary_key=True, categories=("system",))
        return Collection(dataset="d", name="c", fields=(key, Field(path="f", categories=("user",), **more)))

    untyped = traversal.targets(one())
    assert [(each.field.path, each.why) for each in untyped.unmaskable] == [("f", Why.NO_TYPE)]
    with pytest.raises(errors.BadInput, match=r"f \(no_type\).*data_type"):
        traversal.require_maskable(one(), untyped)
    key = traversal.targets(one(type=DataType.STRING, primary_key=True))
    assert [each.why for each in key.unmaskable] == [Why.KEY]
    fixed = traversal.targets(one(type=DataType.STRING, read_only=True))
    assert paths(fixed.read_only) == ["f"]
    assert not fixed.mask
    traversal.require_maskable(one(), fixed)


def test_rows_without_a_key_cannot_be_masked() -> None:
    nameless = Collection(
        dataset="d", name="c", fields=(Field(path="f", type=DataType.STRING, categories=("user",)),)
    )
    assert [one.why for one in traversal.targets(nameless).unmaskable] == [Why.NO_KEY]


def test_an_object_that_holds_the_key_or_what_is_read_only_is_not_masked_whole() -> None:
    def holding(**more: object) -> traversal.Targets:
        inside = Field(path="o.id", type=DataType.STRING, **more)
        whole = Field(path="o", type=DataType.OBJECT, categories=("user",))
        return traversal.targets(Collection(dataset="d", name="c", fields=(whole, inside)))

    assert [one.why for one in holding(primary_key=True).unmaskable] == [Why.KEY]
    assert paths(holding(read_only=True).read_only) == ["o"]


# ---- laws -------------------------------------------------------------------------------------------------------

NAMES = "abcdefgh"


@st.composite
def maps(draw: st.DrawFn) -> DataMap:
    """Small maps with references in any direction and orders that do not go round."""
    size = draw(st.integers(1, len(NAMES)))
    collections = []
    for number in range(size):
        references = tuple(
            Reference(to=Place("d", NAMES[other], "k"), direction=direction)
            for other, direction in draw(
                st.lists(st.tuples(st.integers(0, size - 1), st.sampled_from(Direction)), max_size=3)
            )
            if other != number
        )
        after = tuple(
            Place("d", NAMES[one]) for one in draw(st.sets(st.integers(0, size - 1))) if one < number
        )
        key = Field(
            path="k",
            categories=("user",),
            references=references,
            identity="email" if draw(st.integers(0, 3)) == 0 else "",
        )
        collections.append(
            Collection(dataset="d", name=NAMES[number], fields=(key,), after=after, erase_after=after)
        )
    draw(st.randoms()).shuffle(collections)
    return DataMap(
        systems=(System(name="s", kind="sql", datasets=("d",)),),
        datasets=(Dataset(name="d", collections=tuple(collections)),),
    )


@given(maps())
def test_every_step_has_a_way_in_from_earlier_steps_and_keeps_its_order(found: DataMap) -> None:
    walk = traversal.walk(found, {"email"})
    place = {step.node: number for number, step in enumerate(walk.steps)}
    for step in walk.steps:
        assert step.identities or step.edges
        assert all(place[edge.source.node] < place[step.node] for edge in step.edges)
        assert all(place.get(earlier, -1) < place[step.node] for earlier in found.collection(step.node).after)
    every = {one.place for one in found.datasets[0].collections}
    assert set(place) | set(walk.unreached) | set(walk.held) == every
    assert len(place) + len(walk.unreached) + len(walk.held) == len(every)


@given(maps())
def test_erasure_takes_each_asked_collection_once_and_after_those_it_names(found: DataMap) -> None:
    walk = traversal.walk(found, {"email"})
    level = {node: number for number, nodes in enumerate(walk.erasure) for node in nodes}
    assert set(level) == {step.node for step in walk.steps}
    assert sum(map(len, walk.erasure)) == len(level)
    for node, here in level.items():
        assert all(level.get(earlier, -1) < here for earlier in found.collection(node).erase_after)


@given(maps(), st.randoms())
def test_the_order_of_the_files_changes_nothing(found: DataMap, random: object) -> None:
    collections = list(found.datasets[0].collections)
    random.shuffle(collections)
    other = DataMap(systems=found.systems, datasets=(Dataset(name="d", collections=tuple(collections)),))
    assert traversal.walk(found, {"email"}) == traversal.walk(other, {"email"})


GRAPH = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=4), max_size=8)


@given(GRAPH)
def test_circles_are_the_sets_of_nodes_that_lead_to_each_other(follow: dict[int, list[int]]) -> None:
    nodes = list(range(8))
    reach = {node: set(graphs.distances([node], follow)) for node in nodes}
    expected = {
        frozenset(other for other in nodes if other in reach[node] and node in reach[other]) for node in nodes
    }
    found = list(graphs.circles(nodes, follow))
    assert {frozenset(one) for one in found} == expected
    assert sorted(one for each in found for one in each) == nodes
    level = graphs.levels(nodes, follow)
    for node in nodes:
        for other in follow.get(node, ()):
            same = other in reach[node] and node in reach[other]
            assert level[other] == level[node] if same else level[other] > level[node]


@given(GRAPH)
def test_a_circle_that_is_told_is_one(follow: dict[int, list[int]]) -> None:
    way = graphs.circle(range(8), follow)
    assert all(later in follow[earlier] for earlier, later in itertools.pairwise(way))
    if way:
        assert way[0] == way[-1]
    else:
        assert all(node not in graphs.distances(follow.get(node, ()), follow) for node in range(8))


def test_a_chain_of_any_length_is_walked() -> None:
    chain = {number: [number + 1] for number in range(50_000)}
    assert graphs.levels(range(50_001), chain)[50_000] == 50_000
    assert datasets.read("", "x.yml")[1]
