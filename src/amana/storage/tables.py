"""The tables of the main database: sealed events, pseudonymous state, the log, and what imports left behind.

Trusted: yes. Losable: no. What its thief gets: pseudonymous facts and ciphertext. No column holds an address, a name
or a number in the clear: contact points and profiles are sealed under the person's key, looked up by a keyed hash.
Person ids and log positions are dense integers. Person 0 is the workspace itself.
"""

from __future__ import annotations

import sqlalchemy as sa

from amana.storage.types import Bytes

SCHEMA_VERSION = 1
"""The generation: raised only by a revision after which older programs must not run."""

metadata = sa.MetaData()

revision = sa.Table(
    "alembic_version",  # as Alembic knows it
    metadata,
    sa.Column("version_num", sa.String(32), primary_key=True),
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

term = sa.Table(
    "term",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # brand | purpose | topic | registry | recipient | category
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("code", sa.Integer, nullable=False),
)

source = sa.Table(
    "source",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),  # importer kind or capture point
    sa.Column("name", sa.Text, nullable=False),  # what the person running it called the source
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the file and of the mapping, hexadecimal
    sa.Column("generation", sa.Integer, nullable=False),  # how often the same file was undone before
    sa.Column("basis", sa.Text, nullable=False),  # the evidence named for the list as a whole
    sa.Column("state", sa.Text, nullable=False),  # running | done | undone
    sa.Column("started", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger),
    sa.Column("part", sa.Text, nullable=False),  # where a stopped import resumes
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("counts", sa.Text, nullable=False),  # JSON object of counters
    sa.Column("held", sa.Integer, nullable=False, server_default="0"),  # 1: a bought list whose papers fail
    sa.Column("papers", sa.Text, nullable=False, server_default=""),  # JSON; "": not a bought list
    sa.Column("notice_due", sa.BigInteger),  # until when its people must be told where we have them from
    sa.Index("source_digest", "digest"),
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", Bytes, nullable=False),  # MessagePack of core.state.PersonState
    sa.Column("head", Bytes, nullable=False),  # commitment of the person's latest event
    sa.Column("changed", sa.BigInteger, nullable=False),  # log position of that event
    sa.Column("name_tag", Bytes),  # keyed hash of the name, to notice that two people share an address
    sa.Index("person_changed", "changed"),
)

point = sa.Table(
    "point",
    metadata,
    sa.Column("person", sa.Integer, primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("blind", Bytes, nullable=False),  # keyed hash of the normalised address
    sa.Column("sealed", Bytes, nullable=False),  # the address under the person's key
    sa.Index("point_blind", "blind"),
)

alias = sa.Table(
    "alias",
    metadata,
    sa.Column("blind", Bytes, primary_key=True),  # keyed hash of (system, the system's own id)
    sa.Column("person", sa.Integer, nullable=False),
    sa.Index("alias_person", "person"),
)

profile = sa.Table(
    "profile",
    metadata,
    sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sealed", Bytes, nullable=False),  # JSON of the sealed fields under the person's key
)

event = sa.Table(
    "event",
    metadata,
    sa.Column(
        "position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    sa.Column("id", Bytes, nullable=False),  # 16 bytes
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("sealed", Bytes, nullable=False),  # nonce and AES-256-GCM of r and record
    sa.Index("event_id", "id", unique=True),
    sa.Index("event_person", "person"),
)

tile = sa.Table(
    "tile",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),  # -1: bundle of entries
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", Bytes, nullable=False),
)

checkpoint = sa.Table(
    "checkpoint",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # latest
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", Bytes, nullable=False),
    sa.Column("note", sa.Text, nullable=False),  # C2SP signed note
)

review = sa.Table(
    "review",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.Integer, nullable=False),  # the newcomer
    sa.Column("other", sa.Integer, nullable=False),  # who holds the address already
    sa.Column("reason", sa.Text, nullable=False),  # name | age | guardian
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open | kept_apart
    sa.Column("closed", sa.BigInteger),
    sa.Column("actor", sa.Text, nullable=False, server_default=""),  # who closed it
    sa.Column("why", sa.Text, nullable=False, server_default=""),  # in their words
)

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("blind", Bytes, primary_key=True),  # keyed hash; survives erasure
    sa.Column("list", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
)

referred = sa.Table(
    "referred",
    metadata,
    sa.Column(
        "friend", Bytes, primary_key=True
    ),  # keyed hash of an address; nothing else is known of its holder
    sa.Column("at", sa.BigInteger, nullable=False),
)

sent = sa.Table(
    "sent",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("cell", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("sent_at", "at"),
    sa.Index("sent_person", "person", "at"),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False),  # SHA-256 of the canonical content, hexadecimal
    sa.Column("epoch", sa.Integer, nullable=False),  # how many material changes up to and with this version
    sa.Column("material", sa.Boolean, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON
    sa.Column("published", sa.BigInteger, nullable=False),
)

look = sa.Table(
    "look",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
)

registry = sa.Table(
    "registry",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # as the country packs name it: TPS, NATIONAL_DNC …
    sa.Column("code", sa.Integer, nullable=False),  # from zero: its bit in the facts
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("issue", sa.Integer, nullable=False),  # the issue in force; listings of others do not count
    sa.Column("loaded", sa.BigInteger, nullable=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
)

listing = sa.Table(
    "listing",
    metadata,
    sa.Column("blind", Bytes, primary_key=True),  # keyed hash of the number
    sa.Column("registry", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("issue", sa.Integer, primary_key=True, autoincrement=False),
)

erasure = sa.Table(
    "erasure",
    metadata,
    sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),  # fenced | scrubbing | done
    sa.Column("fenced", sa.BigInteger, nullable=False),
    sa.Column("done", sa.BigInteger),
)

erased = sa.Table(
    "erased",
    metadata,
    sa.Column(
        "position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    sa.Column("leaf", sa.BigInteger, nullable=False),  # the log position of the erasure event that lists it
)

export = sa.Table(
    "export",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),  # its name, without folders
    sa.Column("expires", sa.BigInteger, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("recall", sa.Text, nullable=False),  # none | due | confirmed
)

exported = sa.Table(
    "exported",
    metadata,
    sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("export", sa.Integer, primary_key=True, autoincrement=False),
)

task = sa.Table(
    "task",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # mail | sms | webhook | …
    sa.Column("key", sa.Text, nullable=False, unique=True),  # the same key is one task
    sa.Column("person", sa.Integer, nullable=False),  # 0: nobody's
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("leased", sa.BigInteger, nullable=False),  # until when somebody works on it; 0: nobody
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # ready | done | failed
    sa.Column("trouble", sa.Text, nullable=False),  # code of the last failure
    sa.Column("payload", Bytes, nullable=False),  # JSON under the person's key
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Index("task_due", "state", "due"),
    sa.Index("task_person", "person"),
)

permit = sa.Table(
    "permit",
    metadata,
    sa.Column("id", Bytes, primary_key=True),  # 16 random bytes
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("cell", sa.BigInteger, nullable=False),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),
    sa.Column("content", Bytes, nullable=False),  # SHA-256 of the message
    sa.Column("known", sa.BigInteger, nullable=False),  # ledger size that the decision saw
    sa.Column("law", sa.Text, nullable=False),  # version of the law book
    sa.Column("grant", sa.Text, nullable=False),  # event id of the grant it rests on, "" for another basis
    sa.Column("redeemed", sa.BigInteger),  # when; NULL while it is open
    sa.Index("permit_person", "person", "taken"),
    sa.Index("permit_expires", "expires"),
)

token = sa.Table(
    "token",
    metadata,
    sa.Column("hash", Bytes, primary_key=True),  # keyed hash of the token; the token itself is nowhere
    sa.Column("kind", sa.Text, nullable=False),  # message | confirm | code | step_up
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("cell", sa.BigInteger, nullable=False),  # what a message was for; 0: nothing
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),  # 0: lives while the person does
    sa.Column("used", sa.BigInteger),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("data", Bytes, nullable=False),  # JSON under the person's key
    sa.Index("token_person", "person", "kind"),
)

api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("hash", Bytes, primary_key=True),  # keyed hash of the key
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("brands", sa.Text, nullable=False),  # space-separated, * for all
    sa.Column(
        "actions", sa.Text, nullable=False
    ),  # space-separated scopes: decide record read webhook permit admin
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),  # 0: does not
    sa.Column("revoked", sa.BigInteger),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("key", Bytes, primary_key=True),  # hash of API key and Idempotency-Key
    sa.Column("request", Bytes, nullable=False),  # hash of the request body
    sa.Column("answer", sa.Text, nullable=False),  # JSON without personal values
    sa.Column("made", sa.BigInteger, nullable=False),
)

hook = sa.Table(
    "hook",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", sa.Text, nullable=False),  # space-separated CloudEvents types, * for all
    sa.Column("secret", sa.Text, nullable=False),  # name of the signing secret in the key store
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("stopped", sa.BigInteger),
)

request = sa.Table(
    "request",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ref", sa.Text, nullable=False, unique=True),  # what people quote: R-7K3M-9QXD
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # core.rights.Kind
    sa.Column("status", sa.Text, nullable=False),  # core.rights.Status
    sa.Column("via", sa.Text, nullable=False),
    sa.Column("asker", sa.Text, nullable=False),
    sa.Column("brand", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("proved", sa.Integer, nullable=False),  # core.rights.Identity
    sa.Column("countries", sa.Text, nullable=False),  # space-separated; whose deadlines count
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("due_law", sa.Text, nullable=False),  # country and citation of the deadline
    sa.Column("extended", sa.BigInteger),  # when it was extended
    sa.Column("reminded", sa.BigInteger),
    sa.Column("ended", sa.BigInteger),
    sa.Column("outcome", sa.Text, nullable=False),  # short token; "" while it is open
    sa.Column("run", sa.Integer),  # the run that works on it
    sa.Column("sealed", Bytes, nullable=False),  # JSON under the person's key: identities, corrections, words
    sa.Index("request_person", "person"),
    sa.Index("request_open", "status", "due"),
    sa.Index("request_run_of", "run"),
)

request_run = sa.Table(
    "request_run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # ready | done | held
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),  # when to go on
    sa.Column("leased", sa.BigInteger, nullable=False),  # until when somebody works on it; 0: nobody
    sa.Column("map", sa.Text, nullable=False),  # SHA-256 of the data map that it was planned with
    sa.Column(
        "masking", Bytes, nullable=False
    ),  # key of its masks, under the workspace's key; emptied at the end
    sa.Index("request_run_due", "state", "due"),
)

request_step = sa.Table(
    "request_step",
    metadata,
    sa.Column("run", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("action", sa.Text, nullable=False),  # services.rights_steps.Action
    sa.Column("system", sa.Text, nullable=False),  # "" for Amana itself
    sa.Column("node", sa.Text, nullable=False),  # dataset:collection, "" for the whole system
    sa.Column("level", sa.Integer, nullable=False),  # a level begins when those below are done
    sa.Column("state", sa.Text, nullable=False),  # todo | done | held
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("trouble", sa.Text, nullable=False),  # code of the last failure
    sa.Column("found", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger),
    sa.Column(
        "sealed", Bytes, nullable=False
    ),  # what later steps need, under the workspace's key; emptied at the end
)

request_log = sa.Table(
    "request_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("request", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),  # short token
    sa.Column("detail", sa.Text, nullable=False),  # JSON object without personal values
    sa.Index("request_log_request", "request"),
    sa.Index(  # by the id that a controller gave; other lines may be longer than an index takes
        "request_log_outer",
        "detail",
        sqlite_where=sa.text("what = 'opendsr'"),
        postgresql_where=sa.text("what = 'opendsr'"),
    ),
)

retention = sa.Table(
    "retention",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # reviewing | waiting | running | done | dropped
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger),
    sa.Column("map", sa.Text, nullable=False),  # SHA-256 of the data map that was reviewed
    sa.Column(
        "masking", Bytes, nullable=False
    ),  # key of its masks, under the workspace's key; emptied at the end
)

retention_part = sa.Table(
    "retention_part",
    metadata,
    sa.Column("review", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("system", sa.Text, nullable=False),  # "" for fields in Amana itself, + for people in it
    sa.Column("state", sa.Text, nullable=False),  # todo | done | held
    sa.Column("last", sa.Integer, nullable=False),  # people up to this number are gone through
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False),  # when to go on; while somebody works on it, until when
    sa.Column("trouble", sa.Text, nullable=False),  # code of the last failure
    sa.Column("found", sa.Text, nullable=False),  # JSON: place -> what the review counted
    sa.Column("done", sa.Text, nullable=False),  # JSON: place -> what was done since it was approved
)

retention_log = sa.Table(
    "retention_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("review", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),  # short token
    sa.Column("detail", sa.Text, nullable=False),  # JSON object without personal values
    sa.Index("retention_log_review", "review"),
)
