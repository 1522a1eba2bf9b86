"""The root: the one secret that is not in any database.

Rule. The root is 32 bytes. It comes from a file that only its owner may read, or from the environment (the wiring
reads that and passes the text here). It wraps the epoch keys and the workspace's own secrets, nothing else. Who
loses it loses what is sealed; who publishes it publishes the key store. A cloud key service can stand in for it by
offering the same two methods.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Protocol

from amana import errors
from amana.ledger import sealing


class Root(Protocol):
    """Wraps and unwraps small secrets. Must be deterministic in `unwrap`, need not be in `wrap`."""

    def wrap(self, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
        """Ciphertext of `plaintext`, bound to `context`."""
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
    def from_file(cls, path: Path) -> LocalRoot:
        """Read the key file. Raises KeyMissing if it is not there or others may read it."""
        if not path.exists():
            raise errors.KeyMissing(
                "The root key file is missing",
                remedy="restore it from its backup, or set AMANA_ROOT_KEY",
            )
        if path.stat().st_mode & 0o077:
            raise errors.KeyMissing(
                "The root key file can be read by others",
                expected="mode 0600",
                remedy="run `chmod 600` on the key file",
            )
        return cls.from_text(path.read_text())

    @staticmethod
    def create_file(path: Path, key: bytes) -> None:
        """Write a new key file, readable by its owner alone, and sync it. Raises Conflict if there is one."""
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as there:
            raise errors.Conflict("There is a root key file here already", remedy="keep it") from there
        try:
            os.write(handle, base64.b64encode(key) + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)

    def wrap(self, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
        """AES-256-GCM under the root."""
        return sealing.wrap(self._key, nonce, plaintext, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The plaintext. Raises VerificationFailed."""
        return sealing.unwrap(self._key, wrapped, context)
