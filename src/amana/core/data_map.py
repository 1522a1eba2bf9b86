"""The data map: which connected system holds what about people, how a person is found there, and what refers to what.

Rule.
- A *system* is something we can ask: a database, a folder of files, an interface over HTTP, a vendor with an inbox, a
  person with a list. It holds *datasets*, which have *collections* (tables, files, resources) of *fields*.
- A field is named by its dotted path inside its collection; an object's own field stands before those inside it.
  Nothing personal stands in the map: it says where a name is kept, never whose.
- Categories are the dotted keys of fideslang (`user.contact.email`). A category covers another on dot boundaries
  only: `user.device.cookie` covers `user.device.cookie.session`, never `user.device.cookie_id`.
- The map is values; `core/datasets.py` reads them from files, `core/traversal.py` says in which order they are
  walked.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

import msgspec

Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""A value as it crosses between a connected system and us: what JSON knows. Dates are ISO 8601, decimals their digits."""

Row: TypeAlias = dict[str, Plain]
"""One row, document or object of a collection, nested as the collection's fields say."""

Key: TypeAlias = dict[str, Plain]
"""The primary key of a row: path of each key field -> its value."""


class DataType(Enum):
    """What a field holds. UNKNOWN can be read and never masked: that is an error, not a skip."""

    UNKNOWN = ""
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    OBJECT_ID = "object_id"
    OBJECT = "object"


class Direction(Enum):
    """Which way a reference may be walked."""

    BOTH = ""
    TO = "to"  # from this field to the one it names
    FROM = "from"  # from the named field to this one


class Place(msgspec.Struct, frozen=True, order=True):
    """A field of the map: dataset, collection, dotted path ("" for the collection as a whole)."""

    dataset: str
    collection: str
    path: str = ""

    def __str__(self) -> str:
        named = f"{self.dataset}:{self.collection}"
        return f"{named}.{self.path}" if self.path else named

    @property
    def node(self) -> Place:
        """The collection it stands in."""
        return Place(self.dataset, self.collection)


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A field's values stand in another field too."""

    to: Place
    direction: Direction = Direction.BOTH


class Mask(Enum):
    """What takes the place of a value that is erased where its row stays."""

    NULL = "null"
    CONSTANT = "constant"  # the same word for everybody
    HASH = "hash"  # keyed, so that equal values stay equal and lead nowhere
    RANDOM = "random"  # of the same shape: letters for letters, digits for digits


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """A field that holds a copy of a permission, and the words it uses for yes and no."""

    brand: str
    purpose: str
    channel: str
    yes: Plain
    no: Plain


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a collection."""

    path: str
    categories: tuple[str, ...] = ()
    type: DataType = DataType.UNKNOWN
    array: bool = False
    length: int | None = None  # characters that fit
    primary_key: bool = False
    identity: str = ""  # email | phone_number | … : a request's identity of this kind finds rows here
    references: tuple[Reference, ...] = ()
    read_only: bool = False
    whole_array: bool = False  # return_all_elements: an entry through this array takes all of it
    purposes: tuple[str, ...] = ()  # of the workspace; () for those of the collection, then the system
    subject: str = ""  # whose data: customer, employee …; "" for the collection's
    kept_for: str = ""  # ISO 8601 duration; "" for the collection's
    mask: Mask | None = None  # None: by type
    permission: Permission | None = None


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """A ground to keep fields although a person asks for erasure (GDPR art. 17(3))."""

    ground: str  # tax | contract | claim | vital | …
    citation: str
    words: str = ""
    fields: tuple[str, ...] = ()  # paths it covers, with all below them; () for the whole row
    kept_for: str = ""  # ISO 8601 duration after `since`; "" for as long as the ground is declared
    since: str = ""  # path of the date it counts from; "" with `kept_for` set: refused by the reader


class OnErasure(Enum):
    """What erasure does to a row of a collection."""

    MASK = "mask"
    DELETE = "delete"


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A table, a file, a resource."""

    dataset: str
    name: str
    fields: tuple[Field, ...]  # an object before what is inside it
    after: tuple[Place, ...] = ()  # walked after these nodes
    erase_after: tuple[Place, ...] = ()  # erased after these nodes
    skip: bool = False  # not walked at all
    on_erasure: OnErasure = OnErasure.MASK
    keeps: tuple[Keep, ...] = ()
    purposes: tuple[str, ...] = ()
    subject: str = "customer"
    kept_for: str = ""  # retention of a row
    kept_since: str = ""  # path of the date that retention counts from

    @property
    def place(self) -> Place:
        """Its node in the graph."""
        return Place(self.dataset, self.name)

    @property
    def keys(self) -> tuple[Field, ...]:
        """The fields of its primary key."""
        return tuple(field for field in self.fields if field.primary_key)


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """What one system holds under one name."""

    name: str
    collections: tuple[Collection, ...]
    after: tuple[str, ...] = ()  # datasets that are walked before this one
    source: str = ""  # the file it was read from, for errors


class System(msgspec.Struct, frozen=True, kw_only=True):
    """A connected system as its file declares it."""

    name: str
    kind: str  # sql | files | http | opendsr | manual
    label: str = ""  # what people call it
    country: str = ""  # where the data stands
    vendor: str = ""
    role: str = "processor"  # processor | controller | joint | ours
    purposes: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    receives_from: tuple[str, ...] = ()  # systems whose data flows here
    settings: dict[str, Plain] = {}  # of its kind; secrets are named files or variables, never values
    source: str = ""


class DataMap(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is connected."""

    systems: tuple[System, ...]
    datasets: tuple[Dataset, ...]

    def system_of(self, dataset: str) -> System:
        """The system that holds a dataset. Raises KeyError."""
        return next(one for one in self.systems if dataset in one.datasets)

    def collection(self, node: Place) -> Collection:
        """A collection by its node. Raises KeyError."""
        for dataset in self.datasets:
            if dataset.name == node.dataset:
                for one in dataset.collections:
                    if one.name == node.collection:
                        return one
        raise KeyError(str(node))


def covers(category: str, other: str) -> bool:
    """Whether a category is another or stands above it, on dot boundaries."""
    return other == category or other.startswith(category + ".")
