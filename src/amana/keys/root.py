"""The root: the one secret that is not in any database.

Rule. The root is 32 bytes. It comes from a file that only its owner may read, or from the environment (the wiring
reads that and passes the text here). The file holds it in the clear, or locked with a passphrase that stands elsewhere:
then neither of the two opens anything alone. It wraps the epoch keys and the workspace's own secrets, nothing else. Who
loses it loses what is sealed; who publishes it publishes the key store.

A passphrase becomes a key by Argon2id with the parameters of RFC 9106 section 4 for machines with little memory (64 MiB,
three passes, four lanes); they stand in the file, so that they can grow.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from amana import errors
from amana.ledger import sealing

MEMORY, PASSES, LANES = 64 * 1024, 3, 4  # KiB, iterations, threads
SALT_SIZE = 16
_LOCKED = "amana-root-locked-1"
_CONTEXT = b"root"


class Root(Protocol):
    """Wraps and unwraps small secrets: what a cloud key service offers in place of a local key.

    Size: plaintexts are 32 bytes, `wrap` adds at most 4 kB. Durability: what was wrapped once can be unwrapped for as
    long as the key store and its backups live; the key behind it is rotated by keeping its older versions. Concurrency:
    any thread, any process. Retries: both may be repeated; `wrap` need not give the same bytes, `unwrap` must. Misuse:
    another context, another root or altered bytes raise VerificationFailed; an unreachable service raises KeyMissing,
    and nothing is answered without it. It is asked once for each secret and epoch that a process uses, never for each
    person.
    """

    def wrap(self, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
        """Ciphertext of `plaintext`, bound to `context`. `nonce` is 12 fresh bytes, for roots that need one."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The plaintext. Raises VerificationFailed under another root or context."""
        ...


class LocalRoot:
    """A root held in memory, from a file or the environment."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_text(cls, text: str) -> LocalRoot:
        """Read 32 bytes of standard base64. Raises KeyMissing if they are not that."""
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != sealing.KEY_SIZE:
            raise errors.KeyMissing(
                "The root key cannot be read",
                expected="32 bytes in base64",
                remedy="restore the root key file, or set AMANA_ROOT_KEY",
            )
        return cls(key)

    @classmethod
    def from_file(cls, path: Path, passphrase: bytes = b"") -> LocalRoot:
        """Read the key file, and unlock it. Raises KeyMissing if it is not there, or not as it should be."""
        if not path.exists():
            raise errors.KeyMissing(
                "The root key file is missing",
                remedy="restore it from its backup, or set AMANA_ROOT_KEY",
            )
        owners_own(path, "root key file")
        text = path.read_text()
        if text.startswith(_LOCKED):
            return cls(_unlocked(text, passphrase))
        if passphrase:
            raise errors.KeyMissing(
                "The root key file is not locked, although there is a passphrase for it",
                remedy="run `amana keys lock` once, or unset AMANA_ROOT_PASSPHRASE_FILE",
            )
        return cls.from_text(text)

    def write(self, path: Path, passphrase: bytes, random: Callable[[int], bytes]) -> None:
        """Write a new key file, readable by its owner alone, locked if there is a passphrase; synced.

        Raises Conflict if there is one.
        """
        text = _locked(self._key, passphrase, random) if passphrase else base64.b64encode(self._key).decode()
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as there:
            raise errors.Conflict("There is a root key file here already", remedy="keep it") from there
        try:
            os.write(handle, text.encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)

    def wrap(self, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
        """AES-256-GCM under the root."""
        return sealing.wrap(self._key, nonce, plaintext, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The plaintext. Raises VerificationFailed."""
        return sealing.unwrap(self._key, wrapped, context)


def passphrase_of(path: Path) -> bytes:
    """The passphrase in a file: its first line. Raises KeyMissing."""
    if not path.is_file():
        raise errors.KeyMissing("The passphrase file is missing", remedy="restore it, or mend its path")
    owners_own(path, "passphrase file")
    found = path.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    if not found:
        raise errors.KeyMissing(
            "The passphrase file is empty", remedy="write the passphrase on its first line"
        )
    return found


def owners_own(path: Path, what: str) -> None:
    """Raises KeyMissing if others may read a secret's file."""
    if path.stat().st_mode & 0o077:
        raise errors.KeyMissing(
            f"The {what} can be read by others", expected="mode 0600", remedy="run `chmod 600` on it"
        )


def _locked(key: bytes, passphrase: bytes, random: Callable[[int], bytes]) -> str:
    salt = random(SALT_SIZE)
    under = _stretched(passphrase, salt, MEMORY, PASSES, LANES)
    wrapped = sealing.wrap(under, random(sealing.NONCE_SIZE), key, _CONTEXT)
    shown = (base64.b64encode(part).decode() for part in (salt, wrapped))
    return " ".join((_LOCKED, str(MEMORY), str(PASSES), str(LANES), *shown))


def _unlocked(text: str, passphrase: bytes) -> bytes:
    if not passphrase:
        raise errors.KeyMissing(
            "The root key file is locked", remedy="name the passphrase's file in AMANA_ROOT_PASSPHRASE_FILE"
        )
    try:
        _, memory, passes, lanes, salt, wrapped = text.split()
        under = _stretched(passphrase, base64.b64decode(salt), int(memory), int(passes), int(lanes))
        return sealing.unwrap(under, base64.b64decode(wrapped), _CONTEXT)
    except (ValueError, errors.VerificationFailed):
        raise errors.KeyMissing(
            "The passphrase does not open the root key file", remedy="use the one that it was locked with"
        ) from None


def _stretched(passphrase: bytes, salt: bytes, memory: int, passes: int, lanes: int) -> bytes:
    kdf = Argon2id(salt=salt, length=sealing.KEY_SIZE, iterations=passes, lanes=lanes, memory_cost=memory)
    return kdf.derive(passphrase)
