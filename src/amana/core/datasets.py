"""Datasets from YAML: the format of Fides, with our own entries beside it under `amana:`.

Rule.
- A file holds a list `dataset`. What we do not know at a dataset, a collection or a field is left alone, so that a file
  written for Fides is read unchanged; under `amana:` nothing unknown is left alone.
- `fides_meta` is read, and where a file is older `fidesops_meta`. A field with `fields` inside is an object. Of a type
  `string[]` each element is a string.
- A name has no dot in it: dots part the names of a path. `field: collection.field.sub` parts at its first dot, `after:
  dataset.collection` at its last, since a dataset's key may have dots.
- `amana` of a dataset speaks for its collections unless they speak themselves: purposes, subject, kept_for,
  on_erasure. A `keeps` entry needs its ground and citation, and `since` where it has `kept_for`: what nobody can
  count is no ground.
- Categories of a whole dataset or collection say what it is about; only a field's own categories are acted on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from amana.core import masking
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
from amana.core.map_entries import Entries, Problem, Problems, parse_yaml, shown
from amana.core.vocabulary import Channel

DATASET_KEYS = frozenset({"purposes", "subject", "kept_for", "on_erasure"})
COLLECTION_KEYS = DATASET_KEYS | {"kept_since", "keeps"}
FIELD_KEYS = frozenset({"purposes", "subject", "kept_for", "mask", "permission"})
KEEP_KEYS = frozenset({"ground", "citation", "words", "fields", "kept_for", "since"})
PERMISSION_KEYS = frozenset({"brand", "purpose", "channel", "yes", "no"})

_KEY = re.compile(r"[A-Za-z0-9_.<>-]+")
_CATEGORY = re.compile(r"[A-Za-z0-9_<>-]+(\.[A-Za-z0-9_<>-]+)*")


def read(text: str, source: str) -> tuple[tuple[Dataset, ...], tuple[Problem, ...]]:
    """The datasets of one file, and every problem found in it. `source` is the file's name, for errors."""
    plain, unread = parse_yaml(text, source)
    if unread:
        return (), unread
    problems = Problems(source)
    top = Entries(plain if isinstance(plain, dict) else {}, "", problems)
    if "dataset" not in top.raw:
        top.wrong(
            "There is no dataset", expected="a list under dataset:", remedy="add it; see docs/data-map.md"
        )
    return tuple(_dataset(entry, source) for entry in top.tables("dataset")), tuple(problems.found)


def _dataset(entry: Entries, source: str) -> Dataset:
    entry = _at(entry, entry.text("fides_key") or f"dataset {entry.position}")
    name = entry.needed("fides_key")
    if name and not _KEY.fullmatch(name):
        entry.wrong(
            "The key of a dataset has letters it may not have", expected="A-Z a-z 0-9 _ . < > -", got=name
        )
    above = _defaults(_amana(entry, DATASET_KEYS))
    collections = [_collection(one, name, above) for one in entry.tables("collections")]
    if not collections:
        entry.wrong("It has no collections", expected="at least one", remedy="add collections:")
    _each_once(entry, "collection", [one.name for one in collections])
    return Dataset(
        name=name, collections=tuple(collections), after=_meta(entry).texts("after"), source=source
    )


def _defaults(own: Entries) -> Collection:
    """What a dataset says for its collections."""
    return Collection(
        dataset="",
        name="",
        fields=(),
        on_erasure=own.word("on_erasure", OnErasure) or OnErasure.MASK,
        purposes=own.texts("purposes"),
        subject=own.text("subject", "customer"),
        kept_for=own.span("kept_for"),
    )


def _collection(entry: Entries, dataset: str, above: Collection) -> Collection:
    entry = _named(entry, "collection")
    meta, own = _meta(entry), _amana(entry, COLLECTION_KEYS)
    fields = tuple(_fields(entry, dataset, ""))
    _each_once(entry, "field", [one.path for one in fields])
    found = Collection(
        dataset=dataset,
        name=entry.text("name"),
        fields=fields,
        after=_nodes(meta, "after"),
        erase_after=_nodes(meta, "erase_after"),
        skip=meta.flag("skip_processing"),
        on_erasure=own.word("on_erasure", OnErasure) or above.on_erasure,
        keeps=tuple(_keep(one) for one in own.tables("keeps")),
        purposes=own.texts("purposes") or above.purposes,
        subject=own.text("subject") or above.subject,
        kept_for=own.span("kept_for") or above.kept_for,
        kept_since=own.text("kept_since"),
    )
    _check_paths(entry, found)
    return found


def _check_paths(entry: Entries, found: Collection) -> None:
    """Grounds and retention name fields that are there."""
    known = {field.path for field in found.fields}
    named = [("kept_since", found.kept_since)]
    for keep in found.keeps:
        named += [("keeps: since", keep.since), *(("keeps: fields", path) for path in keep.fields)]
    for key, path in named:
        if path and path not in known:
            entry.wrong(
                f"{key} names a field that is not there", expected="a path of this collection", got=path
            )


def _keep(entry: Entries) -> Keep:
    entry.closed(KEEP_KEYS)
    keep = Keep(
        ground=entry.needed("ground"),
        citation=entry.needed("citation"),
        words=entry.text("words"),
        fields=entry.texts("fields"),
        kept_for=entry.span("kept_for"),
        since=entry.text("since"),
    )
    if keep.kept_for and not keep.since:
        entry.wrong(
            "A ground with kept_for does not say since when",
            expected="since: the path of a date in the row",
            got="nothing",
            remedy="add since, or leave kept_for out where the ground does not end",
        )
    return keep


# ---- fields -----------------------------------------------------------------------------------------------------


def _fields(entry: Entries, dataset: str, prefix: str) -> Iterator[Field]:
    """The fields of a table and those inside them, an object before what is inside it."""
    for one in entry.tables("fields"):
        named = _named(one, "field")
        path = prefix + named.text("name")
        field = _field(named, dataset, path)
        yield field
        yield from _fields(named, dataset, path + ".")


def _field(entry: Entries, dataset: str, path: str) -> Field:
    meta, own = _meta(entry), _amana(entry, FIELD_KEYS)
    kind, array = _type(entry, meta)
    field = Field(
        path=path,
        categories=_categories(entry),
        type=kind,
        array=array,
        length=meta.number("length"),
        primary_key=meta.flag("primary_key"),
        identity=meta.text("identity"),
        references=tuple(_references(meta, dataset)),
        read_only=meta.flag("read_only"),
        whole_array=meta.flag("return_all_elements"),
        purposes=own.texts("purposes"),
        subject=own.text("subject"),
        kept_for=own.span("kept_for"),
        mask=own.word("mask", Mask),
        permission=_permission(own),
    )
    if field.mask is not None and not masking.fits(field.mask, field):
        own.wrong(
            "The mask does not fit the field's type",
            expected="null or constant for objects and true/false",
            got=field.mask.value,
        )
    if field.type is DataType.OBJECT and (field.identity or field.references or field.primary_key):
        entry.wrong(
            "An object cannot be searched by",
            expected="identity, references and primary_key on a field inside it",
            got="an object",
        )
    return field


def _type(entry: Entries, meta: Entries) -> tuple[DataType, bool]:
    """Type and whether it is an array of it."""
    raw = meta.text("data_type")
    word = raw.removesuffix("[]")
    nested = bool(entry.raw.get("fields"))
    try:
        found = DataType(word.strip())
    except ValueError:
        known = ", ".join(one.value for one in DataType if one.value)
        entry.wrong(
            "The data_type is not known", expected=f"one of: {known}, with [] for arrays", got=shown(raw)
        )
        found = DataType.UNKNOWN
    if nested and found not in (DataType.UNKNOWN, DataType.OBJECT):
        entry.wrong("A field with fields inside is an object", expected="data_type: object", got=raw)
    return (DataType.OBJECT if nested else found), raw.endswith("[]")


def _categories(entry: Entries) -> tuple[str, ...]:
    found = entry.texts("data_categories")
    for one in found:
        if not _CATEGORY.fullmatch(one):
            entry.wrong(
                "A category is not a dotted key", expected="such as user.contact.email", got=shown(one)
            )
    return found


def _references(meta: Entries, dataset: str) -> Iterator[Reference]:
    for entry in meta.tables("references"):
        target, field = entry.text("dataset") or dataset, entry.needed("field")
        collection, dot, path = field.partition(".")
        if field and not (collection and dot and path):
            entry.wrong(
                "A reference does not name a field", expected="field: collection.field", got=shown(field)
            )
        elif field:
            yield Reference(
                to=Place(target, collection, path),
                direction=entry.word("direction", Direction) or Direction.BOTH,
            )


def _permission(own: Entries) -> Permission | None:
    entry = own.table("permission")
    if entry is None:
        return None
    entry.closed(PERMISSION_KEYS)
    channel = entry.word("channel", Channel)
    for key in ("channel", "yes", "no"):
        if key not in entry.raw:
            entry.wrong(f"A permission does not say its {key}", expected=f"{key}:", got="nothing")
    found = Permission(
        brand=entry.needed("brand"),
        purpose=entry.needed("purpose"),
        channel=channel.value if channel else "",
        yes=entry.scalar("yes"),
        no=entry.scalar("no"),
    )
    if "yes" in entry.raw and found.yes == found.no:
        entry.wrong("A permission uses one word for yes and no", expected="two words", got=shown(found.no))
    return found


# ---- entries ----------------------------------------------------------------------------------------------------


def _meta(entry: Entries) -> Entries:
    """`fides_meta`, or `fidesops_meta` of an older file."""
    key = "fides_meta" if entry.raw.get("fides_meta") is not None else "fidesops_meta"
    return entry.table(key) or Entries({}, entry.path, entry.problems)


def _amana(entry: Entries, known: frozenset[str]) -> Entries:
    own = entry.table("amana") or Entries({}, entry.path, entry.problems)
    own.closed(known)
    return own


def _nodes(meta: Entries, key: str) -> tuple[Place, ...]:
    """Places of collections, written `dataset.collection`."""
    places = []
    for name in meta.texts(key):
        dataset, dot, collection = name.rpartition(".")
        if dot and dataset and collection:
            places.append(Place(dataset, collection))
        else:
            meta.wrong(f"{key} does not name a collection", expected="dataset.collection", got=shown(name))
    return tuple(places)


def _named(entry: Entries, what: str) -> Entries:
    """The entry at its own path; its name is checked."""
    entry = _at(entry, entry.text("name") or f"{what} {entry.position}")
    name = entry.needed("name")
    if "." in name:
        entry.wrong(
            f"The name of a {what} has a dot",
            expected="no dot: it parts the names of a path",
            got=shown(name),
        )
    return entry


def _at(entry: Entries, name: str) -> Entries:
    path = f"{entry.path} → {name}" if entry.path else name
    return Entries(entry.raw, path, entry.problems)


def _each_once(entry: Entries, what: str, names: list[str]) -> None:
    for name in (one for one, times in Counter(names).items() if times > 1 and one):
        entry.wrong(f"The {what} {name} stands twice", expected="each name once", got=name, remedy="drop one")
