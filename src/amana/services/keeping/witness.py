"""Asking witnesses: other parties who vouch that this log shows everybody one growing history.

Rule. C2SP tlog-witness v1, from the log's side. The latest checkpoint goes to a witness with a proof that it extends
what the witness cosigned last; if it remembers another size, it says so and is asked once more. A cosignature counts
only if it verifies under the key that was given when the witness was added, and is kept beside the checkpoint, with
those of other witnesses of the same size.

A witness that holds a larger tree, or one that ours does not extend, is the alarm this exists for: the log was rolled
back or forked. That is raised as LedgerBroken and never smoothed over.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.ledger import checkpoint, merkle, nodes, note
from amana.ledger.checkpoint import Checkpoint
from amana.services.keeping import witnessing
from amana.services.record import publication
from amana.services.record.house import House
from amana.storage import log, proofs
from amana.storage.log import CheckpointRow
from amana.storage.proofs import Witness

TIMEOUT = 10  # seconds
LARGEST_ANSWER = 16 * 1024  # bytes


class Cosigned(msgspec.Struct, frozen=True, kw_only=True):
    """One witness's word."""

    url: str
    name: str
    size: int  # of the tree it vouches for
    time: int  # when, by its own clock, POSIX seconds


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: str
    is_size: bool


def add(house: House, url: str, key: str) -> Witness:
    """Ask this witness from now on. Raises BadInput for an address or key that is none."""
    parsed = note.parse_key(key.strip())
    if parsed.algorithm is not note.Algorithm.COSIGNATURE:
        raise errors.BadInput("This is not the key of a witness", expected="a cosignature key (type 0x04)")
    _target(url)
    one = Witness(url=url.rstrip("/"), key=parsed.text())
    house.writing().write(lambda session: proofs.put_witness(session.connection, one))
    return one


def remove(house: House, url: str) -> None:
    """Ask this witness no more. Raises NotFound."""
    if not house.writing().write(lambda session: proofs.drop_witness(session.connection, url.rstrip("/"))):
        raise errors.NotFound("There is no witness at this address", remedy="see `amana witness list`")


def known(house: House) -> list[Witness]:
    """The witnesses that are asked."""
    with house.database.read() as connection:
        return proofs.witnesses(connection)


def cosign(house: House, url: str) -> Cosigned:
    """Have the latest checkpoint cosigned, and keep the cosignature. Needs a house opened for writing.

    Raises NotFound (no such witness, or it does not answer, or it does not know this log), Conflict (it refused the
    request), VerificationFailed (its cosignature is wrong), LedgerBroken (it holds a history that ours does not extend).
    """
    one = next((held for held in known(house) if held.url == url.rstrip("/")), None)
    if one is None:
        raise errors.NotFound("There is no witness at this address", remedy="run `amana witness add`")
    with house.database.read() as connection:
        tree, signed = publication.current(house, connection)
        old = min(one.size, tree.size)
        answer = _ask(connection, one, tree, signed, old)
        if answer.status == http.client.CONFLICT and answer.is_size:
            answer = _ask(connection, one, tree, signed, _remembered(answer, tree))
    _check(answer, one)
    log_key, key = publication.log_key(house), note.parse_key(one.key)
    cosigned = note.only(note.only(signed, [log_key]) + answer.body, [log_key, key])
    time = dict(checkpoint.verify(cosigned, log_key, [key]).witnesses)[key.name]
    _keep(house, one, tree, cosigned)
    return Cosigned(url=one.url, name=key.name, size=tree.size, time=time)


def _ask(connection: sa.Connection, one: Witness, tree: Checkpoint, signed: str, old: int) -> _Answer:
    node = nodes.node_reader(tree.size, log.tile_reader(connection))
    return _post(one.url, witnessing.write(old, merkle.consistency_proof(old, tree.size, node), signed))


def _remembered(answer: _Answer, tree: Checkpoint) -> int:
    """The size that the witness cosigned last. Raises LedgerBroken if it is above ours."""
    size = checkpoint.parse_number(answer.body.removesuffix("\n"))
    if size > tree.size:
        raise errors.LedgerBroken(
            "Rolled back: a witness cosigned a larger tree than this log holds",
            expected=f"at least {size} entries",
            got=f"{tree.size} entries",
            remedy="restore the newest backup; this log must not sign on",
        )
    return size


def _check(answer: _Answer, one: Witness) -> None:
    if answer.status in (http.client.CONFLICT, http.client.UNPROCESSABLE_ENTITY) and not answer.is_size:
        raise errors.LedgerBroken(
            "Forked or shown in two versions: a witness holds a tree that this log does not extend",
            got=f"status {answer.status} from {one.url}",
            remedy="compare with the published log, and restore the backup that extends it",
        )
    if answer.status == http.client.NOT_FOUND:
        raise errors.NotFound(
            "The witness does not know this log",
            remedy="give its operator the key that `amana log key` prints",
        )
    if answer.status != http.client.OK:
        raise errors.Conflict(
            "The witness refused", got=f"status {answer.status}", remedy="see the witness's own log"
        )


def _keep(house: House, one: Witness, tree: Checkpoint, cosigned: str) -> None:
    """Keep the cosignature, beside those that other witnesses gave to the same tree; a smaller tree gives way."""

    def work(connection: sa.Connection) -> None:
        held = proofs.named(connection, proofs.COSIGNED)
        if held is None or held.size <= tree.size:
            others = "" if held is None or held.root != tree.root else _lines(held.note)
            keys = [note.parse_key(other.key) for other in proofs.witnesses(connection)]
            both = note.only(cosigned + others, [publication.log_key(house), *keys])
            proofs.keep(connection, proofs.COSIGNED, CheckpointRow(tree.size, tree.root, both))
        proofs.put_witness(connection, msgspec.structs.replace(one, size=tree.size))

    house.writing().write(lambda session: work(session.connection))


def _lines(signed: str) -> str:
    return signed.rpartition("\n\n")[2]


def _target(url: str) -> tuple[bool, str, int | None, str]:
    """Whether it is https, host, port and path of an address. Raises BadInput."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise errors.BadInput("Not the address of a witness", expected="https://host[:port][/prefix]")
    return parts.scheme == "https", parts.hostname, port, parts.path.rstrip("/")


def _post(url: str, body: bytes) -> _Answer:
    secure, host, port, path = _target(url)
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, port, timeout=TIMEOUT)
    try:
        connection.request("POST", path + witnessing.ADD_CHECKPOINT, body)
        response = connection.getresponse()
        said = response.read(LARGEST_ANSWER)
        content_type = response.headers.get_content_type()
    except (OSError, http.client.HTTPException) as failed:
        raise errors.NotFound(
            "The witness does not answer", got=type(failed).__name__, remedy="check its address and try again"
        ) from None
    finally:
        connection.close()
    return _Answer(
        status=response.status, body=note.decoded(said), is_size=content_type == witnessing.SIZE_TYPE
    )
