"""Files of the data map: what a Fides dataset says, what we add to it, and every mistake told at once with its place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amana import errors
from amana.core import datasets, map_entries, system_files, traversal
from amana.core.data_map import (
    Collection,
    Dataset,
    DataType,
    Direction,
    Field,
    Keep,
    Mask,
    OnErasure,
    Permission,
    Place,
    Reference,
)

HERE = Path(__file__).parent / "datasets"


def read(text: str) -> tuple[Dataset, ...]:
    """The datasets of a text without mistakes."""
    found, problems = datasets.read(text, "shop.yml")
    assert not problems
    return found


def told(text: str) -> list[str]:
    """The mistakes of a dataset file, as sentences."""
    return [one.sentence() for one in datasets.read(text, "shop.yml")[1]]


def of_field(meta: str, more: str = "") -> str:
    """A file with one field."""
    return (
        "dataset:\n- fides_key: shop\n  collections:\n  - name: customers\n    fields:\n"
        f"    - name: f\n      fides_meta: {{{meta}}}\n      {more}\n"
    )


# ---- what is read -----------------------------------------------------------------------------------------------


def test_a_whole_file_becomes_these_values() -> None:
    (shop,) = read((HERE / "shop.yml").read_text("utf-8"))
    assert shop.name == "shop"
    assert shop.source == "shop.yml"
    customers, orders, products = shop.collections
    assert customers.place == Place("shop", "customers")
    assert customers.erase_after == (Place("shop", "orders"),)
    assert customers.purposes == ("orders",)
    assert customers.subject == "customer"
    assert customers.keys == (
        Field(path="id", categories=("system.operations",), type=DataType.INTEGER, primary_key=True),
    )
    assert customers.fields[1:5] == (
        Field(
            path="email",
            categories=("user.contact.email",),
            type=DataType.STRING,
            length=40,
            identity="email",
            purposes=("orders", "newsletter"),
            mask=Mask.HASH,
        ),
        Field(path="name", categories=("user.name",), type=DataType.STRING),
        Field(
            path="newsletter",
            categories=("user.behavior",),
            type=DataType.BOOLEAN,
            permission=Permission(brand="orchard", purpose="newsletter", channel="email", yes=True, no=False),
        ),
        Field(path="address", type=DataType.OBJECT),
    )
    assert [field.path for field in customers.fields[4:]] == ["address", "address.street", "address.city"]
    assert orders.fields[1].references == (
        Reference(to=Place("shop", "customers", "id"), direction=Direction.FROM),
    )
    assert orders.fields[-1] == Field(
        path="notes", categories=("user.content",), type=DataType.STRING, array=True
    )
    assert (orders.kept_for, orders.kept_since) == ("P10Y", "placed")
    assert orders.keeps == (
        Keep(
            ground="tax",
            citation="AO § 147(3)",
            words="Invoices are kept for the tax office.",
            fields=("invoice",),
            kept_for="P8Y",
            since="placed",
        ),
    )
    assert products.fields[0].type is DataType.UNKNOWN


def test_everything_that_another_tool_wrote_beside_it_is_left_alone() -> None:
    text = """
system: [{fides_key: other}]
dataset:
- fides_key: postgres_example.v-2_<instance>
  organization_fides_key: default_organization
  data_categories: [user]
  data_qualifier: aggregated
  retention: none
  third_country_transfers: [USA]
  meta: {x: {y: 1}}
  collections:
  - name: people
    data_qualifier: aggregated
    data_categories: [user.name]
    fields:
    - name: name
      description: "a name"
      data_qualifier: aggregated
      retention: one year
      fides_meta: {custom_request_field: x, redact: name, masking_strategy_override: {strategy: hash}}
"""
    (found,) = read(text)
    assert found.collections[0].fields == (Field(path="name"),)


def test_the_newer_meta_counts_where_both_are_there() -> None:
    both = of_field("data_type: integer", "fidesops_meta: {data_type: string}")
    assert read(both)[0].collections[0].fields[0].type is DataType.INTEGER


@pytest.mark.parametrize("word", ["string", "integer", "float", "boolean", "object_id", "object"])
@pytest.mark.parametrize("array", [False, True])
def test_every_type_may_stand_alone_and_in_an_array(word: str, array: bool) -> None:
    text = of_field(f'data_type: "{word}{"[]" if array else ""}"')
    field = read(text)[0].collections[0].fields[0]
    assert (field.type, field.array) == (DataType(word), array)


def test_a_field_with_fields_inside_is_an_object_and_may_be_an_array_of_them() -> None:
    text = of_field('data_type: "object[]"', "fields: [{name: a, fields: [{name: b}]}]")
    fields = read(text)[0].collections[0].fields
    assert [(one.path, one.type, one.array) for one in fields] == [
        ("f", DataType.OBJECT, True),
        ("f.a", DataType.OBJECT, False),
        ("f.a.b", DataType.UNKNOWN, False),
    ]


def test_flags_and_references_of_a_field_are_read() -> None:
    text = of_field(
        "return_all_elements: true, read_only: true, references: "
        "[{field: orders.buyer.id}, {dataset: crm.v2, field: p.id, direction: to}]"
    )
    field = read(text)[0].collections[0].fields[0]
    assert field.whole_array
    assert field.read_only
    assert field.references == (
        Reference(to=Place("shop", "orders", "buyer.id")),
        Reference(to=Place("crm.v2", "p", "id"), direction=Direction.TO),
    )


def test_an_order_parts_at_its_last_dot_since_a_key_of_a_dataset_may_have_dots() -> None:
    text = (
        "dataset: [{fides_key: s, fides_meta: {after: [t]}, collections: "
        "[{name: c, fides_meta: {after: [a.b.c], erase_after: [d.e], skip_processing: true}, fields: [{name: f}]}]}]"
    )
    (found,) = read(text)
    assert found.after == ("t",)
    assert found.collections[0].after == (Place("a.b", "c"),)
    assert found.collections[0].erase_after == (Place("d", "e"),)
    assert found.collections[0].skip


def test_what_a_dataset_says_holds_for_collections_that_do_not_speak_themselves() -> None:
    text = """
dataset:
- fides_key: s
  amana: {purposes: [a], subject: employee, kept_for: P1Y, on_erasure: delete}
  collections:
  - {name: silent, fields: [{name: f}]}
  - name: speaking
    amana: {purposes: [b], subject: lead, kept_for: P2Y, on_erasure: mask}
    fields: [{name: f, amana: {purposes: [c], subject: child, kept_for: P3Y}}]
"""
    silent, speaking = read(text)[0].collections
    assert (silent.purposes, silent.subject, silent.kept_for, silent.on_erasure) == (
        ("a",),
        "employee",
        "P1Y",
        OnErasure.DELETE,
    )
    assert (speaking.purposes, speaking.subject, speaking.kept_for, speaking.on_erasure) == (
        ("b",),
        "lead",
        "P2Y",
        OnErasure.MASK,
    )
    field = speaking.fields[0]
    assert (field.purposes, field.subject, field.kept_for) == (("c",), "child", "P3Y")


def test_yes_and_no_are_words_as_keys_and_truth_as_values_unless_quoted() -> None:
    permission = "amana: {permission: {brand: b, purpose: p, channel: email, yes: 'yes', no: no}}"
    found = read(of_field("", permission))[0].collections[0].fields[0].permission
    assert found is not None
    assert (found.yes, found.no) == ("yes", False)


# ---- mistakes ---------------------------------------------------------------------------------------------------

FIELD_MISTAKES = {
    "data_type: text": "The data_type is not known. Expected one of: string, integer, float, boolean, object_id, object",
    "length: 0": "length does not have the form it needs. Expected a whole number above 0. Got 0.",
    "length: ten": "length does not have the form it needs. Expected a whole number above 0. Got ten.",
    "primary_key: 1": "primary_key does not have the form it needs. Expected true or false. Got 1.",
    "identity: [email]": "identity does not have the form it needs. Expected text (put it in quotes). Got a list.",
    "references: {field: a.b}": "references does not have the form it needs. Expected a list. Got a table.",
    "references: [orders.id]": "Expected a list of tables, each with keys. Got orders.id.",
    "references: [{field: orders}]": "A reference does not name a field. Expected field: collection.field. Got orders.",
    "references: [{dataset: x}]": "field is not there",
    "references: [{field: a.b, direction: both}]": "direction does not have the form it needs. Expected one of: to, from",
}
AMANA_MISTAKES = {
    "amana: {mask: sha256}": "mask does not have the form it needs. Expected one of: null, constant, hash, random",
    "amana: {purpose: x}": "The key purpose is not known here. Expected one of: kept_for, mask, permission, purposes",
    "amana: {kept_for: three years}": "kept_for does not have the form it needs. Expected an ISO 8601 duration",
    "amana: {purposes: news}": "purposes does not have the form it needs. Expected a list of words. Got news.",
    "amana: {permission: {brand: b, purpose: p, channel: fax, yes: 1, no: 0}}": "channel does not have the form",
    "amana: {permission: {brand: b, purpose: p, channel: sms, yes: 1}}": "A permission does not say its no",
    "amana: {permission: {brand: b, purpose: p, channel: sms, yes: 1, no: 1}}": "one word for yes and no",
    "data_categories: [user contact]": "A category is not a dotted key",
    "data_categories: user.name": "data_categories does not have the form it needs. Expected a list of words",
    "fides_meta: {}\n      fides_meta: {}": "the key fides_meta stands twice",
}


@pytest.mark.parametrize("meta", FIELD_MISTAKES)
def test_a_mistake_in_a_field_is_told_with_its_place(meta: str) -> None:
    (sentence,) = told(of_field(meta))
    assert sentence.startswith("shop.yml → shop → customers → f: ")
    assert FIELD_MISTAKES[meta] in sentence


@pytest.mark.parametrize("more", AMANA_MISTAKES)
def test_a_mistake_beside_it_is_told(more: str) -> None:
    sentences = told(of_field("", more))
    assert any(AMANA_MISTAKES[more] in one for one in sentences)
    assert all(one.startswith("shop.yml") for one in sentences)


def test_a_word_that_is_nearly_right_is_offered() -> None:
    (sentence,) = told(of_field("", "amana: {purpose: x}"))
    assert "Remedy: perhaps purposes." in sentence


def test_a_mask_that_means_nothing_for_a_type_is_told() -> None:
    assert not told(of_field("data_type: boolean", "amana: {mask: constant}"))
    (sentence,) = told(of_field("data_type: boolean", "amana: {mask: hash}"))
    assert "The mask does not fit the field's type" in sentence


COLLECTION_MISTAKES = {
    "keeps: [{ground: tax}]": "citation is not there",
    "keeps: [{citation: x}]": "ground is not there",
    "keeps: [{ground: tax, citation: x, kept_for: P1Y}]": "A ground with kept_for does not say since when",
    "keeps: [{ground: tax, citation: x, fields: [g]}]": "keeps: fields names a field that is not there",
    "keeps: [{ground: tax, citation: x, since: g}]": "keeps: since names a field that is not there",
    "keeps: [{ground: tax, citation: x, until: P1Y}]": "The key until is not known here",
    "kept_since: g": "kept_since names a field that is not there. Expected a path of this collection. Got g.",
    "on_erasure: drop": "on_erasure does not have the form it needs. Expected one of: mask, delete. Got drop.",
}


@pytest.mark.parametrize("amana", COLLECTION_MISTAKES)
def test_a_mistake_in_a_collection_is_told(amana: str) -> None:
    sentences = told(
        f"dataset: [{{fides_key: shop, collections: [{{name: c, amana: {{{amana}}}, fields: [{{name: f}}]}}]}}]"
    )
    assert any(COLLECTION_MISTAKES[amana] in one for one in sentences)
    assert all(one.startswith("shop.yml → shop → c: ") for one in sentences)


WHOLE_MISTAKES = {
    "": "There is no dataset",
    "dataset: {fides_key: shop}": "dataset does not have the form it needs. Expected a list. Got a table.",
    "dataset: [{collections: [{name: a}]}]": "dataset 1: fides_key is not there",
    "dataset: [{fides_key: a b, collections: [{name: a}]}]": "The key of a dataset has letters",
    "dataset: [{fides_key: a}]": "It has no collections",
    "dataset: [{fides_key: a, collections: [{fields: []}]}]": "a → collection 1: name is not there",
    "dataset: [{fides_key: a, collections: [{name: b.c}]}]": "The name of a collection has a dot",
    "dataset: [{fides_key: a, collections: [{name: b, fields: [{name: c.d}]}]}]": "The name of a field has a dot",
    "dataset: [{fides_key: a, collections: [{name: b}, {name: b}]}]": "The collection b stands twice",
    "dataset: [{fides_key: a, collections: [{name: b, fields: [{name: c}, {name: c}]}]}]": "The field c stands twice",
    "dataset: [{fides_key: a, collections: [{name: b, fides_meta: {after: [c]}}]}]": "after does not name a collection",
    "dataset: [": "It cannot be read as YAML. Got line 1, column 1",
    "a: 1\n\tb: 2": "It cannot be read as YAML. Got line 2",
    "a: 1\na: 2": "It cannot be read as YAML. Got line 2, column 1: the key a stands twice",
    "dataset: !!python/object:os.system [x]": "a kind of value that is not plain data",
    "? [a, b]\n: c": "a key that is not text",
    "a: &x [*x]": "an alias stands inside what it names",
    "a: 1\n---\nb: 2": "It cannot be read as YAML",
    "a: \x00": "It cannot be read as YAML",
}


@pytest.mark.parametrize("text", WHOLE_MISTAKES)
def test_a_mistake_in_the_whole_is_told(text: str) -> None:
    assert any(WHOLE_MISTAKES[text] in one for one in told(text)), told(text)


def test_every_mistake_is_told_and_one_error_counts_them() -> None:
    text = """
dataset:
- fides_key: shop
  collections:
  - name: a
    fields:
    - {name: x, fides_meta: {data_type: text}}
    - {name: y, fides_meta: {length: -1}}
  - name: b
    fields: [{name: z, amana: {masks: null}}]
"""
    _, problems = datasets.read(text, "shop.yml")
    assert [one.where for one in problems] == [
        "shop.yml → shop → a → x",
        "shop.yml → shop → a → y",
        "shop.yml → shop → b → z",
    ]
    with pytest.raises(errors.BadInput, match=r"a → x: The data_type is not known \(and 2 more") as refused:
        map_entries.refuse(problems)
    assert refused.value.expected
    assert refused.value.remedy
    map_entries.refuse(())


def test_a_file_that_swells_is_refused_in_little_time_and_space() -> None:
    swelling = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
    )
    assert "more than 500,000 entries" in told(swelling)[0]
    assert "nested too deeply" in told("[" * 5_000)[0]
    assert "larger than 4,000,000 bytes" in told("#" * 4_000_001)[0]


def test_aliases_and_merges_are_read_as_they_are_written() -> None:
    text = """
dataset:
- fides_key: s
  collections:
  - name: a
    fields: &f
    - &k {name: id, fides_meta: &m {primary_key: true, data_type: integer}}
  - name: b
    fields:
    - <<: *k
      name: other
    - {name: third, fides_meta: {<<: [*m, {length: 3, primary_key: false}], data_type: string}}
"""
    first, second = read(text)[0].collections
    assert first.fields[0] == Field(path="id", primary_key=True, type=DataType.INTEGER)
    assert second.fields == (
        Field(path="other", primary_key=True, type=DataType.INTEGER),
        Field(path="third", primary_key=True, type=DataType.STRING, length=3),
    )


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
)
WORDS = "name fields fides_meta amana references data_type after length field dataset permission mask"
KEYS = st.sampled_from(
    sorted({*WORDS.split(), *datasets.COLLECTION_KEYS, *datasets.FIELD_KEYS, *datasets.KEEP_KEYS})
)


@given(
    st.recursive(
        PLAIN, lambda inside: st.dictionaries(KEYS, inside, max_size=6) | st.lists(inside, max_size=3)
    )
)
def test_whatever_stands_there_is_read_or_told_and_nothing_else_happens(plain: object) -> None:
    problems = map_entries.Problems("x.yml")
    entry = map_entries.Entries({"collections": [plain], "fides_key": "s", "amana": plain}, "", problems)
    found = datasets._dataset(entry, "x.yml")
    assert isinstance(found, Dataset)
    assert all(isinstance(one, Collection) for one in found.collections)
    assert all(one.sentence() for one in problems.found)


@given(st.text(max_size=60))
def test_any_text_is_read_or_told(text: str) -> None:
    found, problems = datasets.read(text, "x.yml")
    assert found or problems or "dataset" in text


# ---- systems ----------------------------------------------------------------------------------------------------

SYSTEM = """
[system]
kind = "sql"
label = "Web shop"
country = "DE"
vendor = "Example Hosting"
role = "processor"
purposes = ["orders"]
datasets = ["shop.yml"]
receives_from = []

[settings]
url = "postgresql://reader@db.example/shop"
password_file = "secrets/shop"
since = 2024-05-01
"""


def system_told(text: str) -> list[str]:
    return [one.sentence() for one in system_files.read(text, "shop.toml")[1]]


def test_a_system_file_becomes_these_values_and_its_name_is_the_files() -> None:
    found, problems = system_files.read(SYSTEM, "shop.toml")
    assert not problems
    assert found is not None
    assert found.files == ("shop.yml",)
    system = found.system
    assert (system.name, system.kind, system.label, system.country) == ("shop", "sql", "Web shop", "DE")
    assert (system.vendor, system.role, system.purposes) == ("Example Hosting", "processor", ("orders",))
    assert system.settings == tomllib.loads(SYSTEM)["settings"] | {"since": "2024-05-01"}


SYSTEM_MISTAKES = {
    "": "There is no [system]",
    "[system": "It cannot be read as TOML",
    "[system]": "kind is not there",
    "[system]\nkind = 'ftp'": "The kind is not known. Expected one of: files, http, manual, opendsr, sql. Got ftp.",
    "[system]\nkind = 'sql'": "The system has no datasets",
    "[system]\nkind = 'manual'\nrole = 'friend'": "The role is not known",
    "[system]\nkind = 'manual'\ncountry = 'Germany'": "The country is not a code",
    "[system]\nkind = 'manual'\nname = 'A b'": "The name of a system has a form it may not have",
    "[system]\nkind = 'sql'\ndatasets = ['../shop.yml']": "A dataset is not a YAML file beside this one",
    "[system]\nkind = 'manual'\ncountries = 'DE'": "The key countries is not known here",
    "[system]\nkind = 'manual'\n[more]": "The key more is not known here",
}


@pytest.mark.parametrize("text", SYSTEM_MISTAKES)
def test_a_mistake_in_a_system_is_told(text: str) -> None:
    assert any(SYSTEM_MISTAKES[text] in one for one in system_told(text)), system_told(text)


SECRETS = [
    'password = "hunter2hunter2"',
    'db_password = "hunter2hunter2"',
    'client_secret = "hunter2hunter2"',
    'api_key = "hunter2hunter2"',
    'apiKey = "hunter2hunter2"',
    'token = "hunter2hunter2"',
    'access_token = "hunter2hunter2"',
    "pwd = 12345678",
    'url = "postgresql://reader:hunter2hunter2@db.example/shop"',
    'url = "https://api.example/x?api_key=hunter2hunter2"',
    'dsn = "host=db user=reader password=hunter2hunter2"',
    'headers = { Authorization = "Bearer hunter2hunter2" }',
    'headers = { X-Mine = "Bearer hunter2hunter2" }',
    'auth = [{ secret_key = "hunter2hunter2" }]',
    'pem = """-----BEGIN RSA PRIVATE KEY-----\nhunter2hunter2"""',
]


@pytest.mark.parametrize("line", SECRETS)
def test_a_setting_that_looks_like_a_secret_is_refused_and_not_shown(line: str) -> None:
    (sentence,) = system_told(f"[system]\nkind = 'manual'\n[settings]\n{line}\n")
    assert "A secret stands in the file" in sentence
    assert "_file or " in sentence
    assert "hunter2" not in sentence
    assert "12345678" not in sentence


@pytest.mark.parametrize(
    "line",
    [
        'password_file = "secrets/shop"',
        'token_env = "SHOP_TOKEN"',
        'token_url = "https://login.example/token"',
        'page_token = "paging.next.after"',
        'key = "id"',
        'primary_key = "id"',
        'url = "postgresql://reader@db.example:5432/shop?sslmode=require"',
        'url = "sqlite:///shop.db"',
        'password = ""',
        'path = "/contacts/{value}?properties=email"',
    ],
)
def test_a_setting_that_names_where_a_secret_is_may_stand(line: str) -> None:
    assert not system_told(f"[system]\nkind = 'manual'\n[settings]\n{line}\n")


# ---- the whole --------------------------------------------------------------------------------------------------

SMALL = "dataset: [{fides_key: KEY, collections: [{name: c, fields: [{name: f}]}]}]"


def test_a_map_is_put_together_from_its_folder() -> None:
    found, problems = system_files.assemble(
        {
            "b.toml": '[system]\nkind = "sql"\ndatasets = ["one.yml", "two.yaml"]\nreceives_from = ["a"]\n',
            "a.toml": '[system]\nkind = "manual"\n',
            "one.yml": SMALL.replace("KEY", "one"),
            "two.yaml": SMALL.replace("KEY", "two"),
        }
    )
    assert not problems
    assert [(one.name, one.datasets) for one in found.systems] == [("a", ()), ("b", ("one", "two"))]
    assert found.system_of("two").name == "b"


WRONG_FOLDERS = {
    "shop.yml: No system names this file": {"shop.yml": SMALL},
    "a.toml → system: The file gone.yml is not there": {
        "a.toml": '[system]\nkind = "sql"\ndatasets = ["gone.yml"]\n'
    },
    "b.toml → system: shop.yml belongs to a.toml already": {
        "shop.yml": SMALL,
        "a.toml": '[system]\nkind = "sql"\ndatasets = ["shop.yml"]\n',
        "b.toml": '[system]\nkind = "sql"\ndatasets = ["shop.yml"]\n',
    },
    "b.toml → system: The system a stands in a.toml too": {
        "a.toml": '[system]\nkind = "manual"\n',
        "b.toml": '[system]\nkind = "manual"\nname = "a"\n',
    },
    "receives_from names c, which is no other system": {
        "a.toml": '[system]\nkind = "manual"\nreceives_from = ["c"]\n'
    },
    "receives_from names a, which is no other system": {
        "a.toml": '[system]\nkind = "manual"\nreceives_from = ["a"]\n'
    },
    "two.yml → KEY: The dataset KEY stands in shop.yml too": {
        "shop.yml": SMALL,
        "two.yml": SMALL,
        "a.toml": '[system]\nkind = "sql"\ndatasets = ["shop.yml", "two.yml"]\n',
    },
}


@pytest.mark.parametrize("sentence", WRONG_FOLDERS)
def test_files_that_do_not_fit_together_are_told(sentence: str) -> None:
    _, problems = system_files.assemble(WRONG_FOLDERS[sentence])
    assert any(sentence in one.sentence() for one in problems), problems


def test_the_example_of_the_documentation_is_a_map_without_mistakes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data-map.md").read_text("utf-8")
    (toml,), (yaml,) = (re.findall(rf"^```{kind}\n(.*?)^```", page, re.M | re.S) for kind in ("toml", "yaml"))
    found, problems = system_files.assemble({"shop.toml": toml, "shop.yml": yaml})
    assert not problems
    assert not traversal.problems(found)
    for one in found.datasets[0].collections:
        traversal.require_maskable(one, traversal.targets(one))


def test_the_documentation_names_every_key_that_is_ours() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data-map.md").read_text("utf-8")
    keys = datasets.COLLECTION_KEYS | datasets.FIELD_KEYS | datasets.KEEP_KEYS | datasets.PERMISSION_KEYS
    assert not [key for key in sorted(keys) if f"`{key}`" not in page]
    assert not [mask.value for mask in Mask if f"`{mask.value}`" not in page]
