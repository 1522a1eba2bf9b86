"""Being a witness: remember each log's latest checkpoint, and cosign only what extends it.

Rule. C2SP tlog-witness v1, in the order of its checks: unreadable 400, unknown log 404, no signature of the log 403, an
old size above the new one 400, an old size that is not what was cosigned last 409 with that size, another root at the
same size 409, a proof that does not verify 422; else the new checkpoint is synced to disk and then cosigned, 200.

Looking and writing are one step under a lock, and one process at a time holds the folder, so a witness never cosigns
two trees of one log that contradict each other, nor a smaller one after a larger one. What a log signed and the witness
refused as a fork or a split view is kept in `refused/`: it is evidence against the log. A witness whose `state/` is
lost must be retired together with its key: it would not know what it signed.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from hashlib import sha256
from pathlib import Path

import msgspec

from amana import errors
from amana.ledger import checkpoint, merkle, note
from amana.ledger.checkpoint import Checkpoint

ADD_CHECKPOINT = "/add-checkpoint"
MOST_PROOF_LINES = 63
LARGEST_REQUEST = 64 * 1024  # bytes
MOST_KEPT = 1_000  # refused checkpoints
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
KEY_FILE, STATE, REFUSED = "witness.key", "state", "refused"


class Refusal(Enum):
    """Why a checkpoint was not cosigned."""

    MALFORMED = "malformed"
    UNKNOWN_LOG = "unknown log"
    UNSIGNED = "not signed by the log"
    STALE = "stale: the old size is not what was cosigned last"
    ROLLBACK = "rollback: the log signed a smaller tree than was cosigned"
    SPLIT_VIEW = "split view: another tree of the size that was cosigned"
    FORK = "fork: the new tree does not extend the one that was cosigned"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the witness answers, in HTTP's terms."""

    status: int
    body: str
    content_type: str = TEXT_TYPE
    refusal: Refusal | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed add-checkpoint request, not verified."""

    old: int
    proof: tuple[bytes, ...]
    signed: str
    tree: Checkpoint


class Witness:
    """One witness, in its folder. `add_checkpoint` may be called from any thread; use `serving` to make one.

    Durability: a cosignature is given only after the checkpoint is synced. Raises VerificationFailed at the start if
    its own state was altered.
    """

    def __init__(
        self, folder: Path, signer: note.Signer, logs: Sequence[note.VerifierKey], clock: Callable[[], int]
    ) -> None:
        self._folder = folder
        self._signer = signer
        self._clock = clock
        self._lock = threading.Lock()
        self._logs: Mapping[str, tuple[note.VerifierKey, ...]] = {
            key.name: tuple(other for other in logs if other.name == key.name) for key in logs
        }
        self._held: dict[str, tuple[Checkpoint, str]] = {}
        for origin, keys in self._logs.items():
            held = self._load(origin, keys)
            if held is not None:
                self._held[origin] = held

    @property
    def key(self) -> note.VerifierKey:
        """The witness's public key."""
        return self._signer.verifier

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a checkpoint or refuse it, as the rule says."""
        try:
            asked = parse(body)
        except errors.VerificationFailed as malformed:
            return _refused(400, Refusal.MALFORMED, malformed.what)
        keys = self._logs.get(asked.tree.origin)
        if keys is None:
            return _refused(404, Refusal.UNKNOWN_LOG)
        try:
            note.verify(asked.signed, keys)
        except errors.VerificationFailed as unsigned:
            return _refused(403, Refusal.UNSIGNED, unsigned.what)
        if asked.old > asked.tree.size:
            return _refused(400, Refusal.MALFORMED, "the old size is above the new one")
        with self._lock:
            return self._extend(asked)

    def latest(self, name: str) -> Answer:
        """The latest checkpoint of the log whose origin has this SHA-256 (hexadecimal), with our cosignature."""
        for origin, (_, signed) in list(self._held.items()):
            if _name(origin) == name:
                return Answer(status=200, body=signed)
        return Answer(status=404, body="no checkpoint of this log\n")

    def _extend(self, asked: Request) -> Answer:
        origin = asked.tree.origin
        held, _ = self._held.get(origin, (None, ""))
        old = held or Checkpoint(origin=origin, size=0, root=merkle.EMPTY_ROOT)
        if asked.old != old.size:
            refusal = Refusal.ROLLBACK if asked.tree.size < old.size else Refusal.STALE
            return Answer(status=409, body=f"{old.size}\n", content_type=SIZE_TYPE, refusal=refusal)
        if asked.tree.size == old.size and asked.tree.root != old.root:
            self._keep_evidence(asked)
            return _refused(409, Refusal.SPLIT_VIEW)
        try:
            merkle.verify_consistency(old.size, asked.tree.size, old.root, asked.tree.root, asked.proof)
        except errors.VerificationFailed as broken:
            self._keep_evidence(asked)
            return _refused(422, Refusal.FORK, broken.what)
        signed = note.only(asked.signed, self._logs[origin])  # whatever else stands there was not checked
        cosigned = note.cosign(signed, self._signer, self._clock())
        self._store(origin, cosigned)
        self._held[origin] = (asked.tree, cosigned)
        return Answer(status=200, body=cosigned.removeprefix(signed))

    def _load(self, origin: str, keys: Sequence[note.VerifierKey]) -> tuple[Checkpoint, str] | None:
        path = self._folder / STATE / _name(origin)
        if not path.exists():
            return None
        signed = path.read_text("utf-8")
        own = checkpoint.parse(note.verify(signed, [self.key]).text)
        note.verify(signed, keys)
        if own.origin != origin:
            raise errors.VerificationFailed(
                "The witness's state is of another log", expected=origin, got=own.origin
            )
        return own, signed

    def _store(self, origin: str, signed: str) -> None:
        folder = self._folder / STATE
        building = folder / f".{_name(origin)}.new"
        _write_synced(building, signed)
        building.rename(folder / _name(origin))
        _sync_folder(folder)

    def _keep_evidence(self, asked: Request) -> None:
        folder = self._folder / REFUSED
        path = folder / f"{sha256(asked.signed.encode()).hexdigest()}.txt"
        if not path.exists() and sum(1 for _ in folder.iterdir()) < MOST_KEPT:
            _write_synced(path, asked.signed)


@contextmanager
def serving(
    folder: Path,
    logs: Sequence[note.VerifierKey],
    *,
    clock: Callable[[], int],
    random: Callable[[int], bytes],
    name: str = "",
) -> Iterator[Witness]:
    """The witness of a folder, made with a key of its own if it is new. Raises Busy if another process serves it.

    `name` is what a new witness calls itself; otherwise it gets a random name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for part in (STATE, REFUSED):
        (folder / part).mkdir(exist_ok=True, mode=0o700)
    for named in (folder.parent, folder):
        _sync_folder(named)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise errors.Busy("Another process serves this witness", remedy="stop it first") from busy
        yield Witness(folder, _signer(folder / KEY_FILE, name, random), logs, clock)
    finally:
        os.close(handle)


def parse(body: bytes) -> Request:
    """A request as the protocol writes it. Raises VerificationFailed if it is malformed."""
    head, gap, signed = note.decoded(body).partition("\n\n")
    first, *proof = head.split("\n")
    if not gap or not first.startswith("old ") or len(proof) > MOST_PROOF_LINES:
        raise errors.VerificationFailed(
            "A request is malformed", expected="old size, at most 63 proof lines, an empty line, a checkpoint"
        )
    return Request(
        old=checkpoint.parse_number(first.removeprefix("old ")),
        proof=tuple(note.decode_base64(line) for line in proof),
        signed=signed,
        tree=checkpoint.parse(note.parse(signed).text),
    )


def write(old: int, proof: Sequence[bytes], signed: str) -> bytes:
    """The body of a request."""
    return "\n".join([f"old {old}", *map(note.encode_base64, proof), "", signed]).encode()


def _signer(path: Path, name: str, random: Callable[[int], bytes]) -> note.Signer:
    """The witness's key: one line, its name and its secret seed in base64."""
    if not path.exists():
        seed = random(32)
        chosen = name or f"amana-witness/{random(8).hex()}"
        made = note.signer(chosen, seed, note.Algorithm.COSIGNATURE)
        _write_synced(path, f"{chosen} {note.encode_base64(seed)}\n")
        _sync_folder(path.parent)
        return made
    held, _, encoded = path.read_text("utf-8").strip().partition(" ")
    try:
        seed = note.decode_base64(encoded)
    except errors.VerificationFailed:
        raise errors.KeyMissing("The witness's key cannot be read", remedy="restore its file") from None
    if name and name != held:
        raise errors.Conflict("This witness has another name", expected=held, got=name, remedy="leave it out")
    return note.signer(held, seed, note.Algorithm.COSIGNATURE)


def _refused(status: int, refusal: Refusal, detail: str = "") -> Answer:
    body = refusal.value + (f": {detail}" if detail else "") + "\n"
    return Answer(status=status, body=body, refusal=refusal)


def _name(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()


def _write_synced(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
