"""One error tree for the whole product.

Rule: an error says what went wrong, what was expected, what was got, and what to do about it. It never holds
a personal value (a name, an address, a number): it names the line, the column and the reason instead. A foreign
exception that reaches an edge is a bug. Edges map `code` to an exit status or an HTTP status in one table.
"""

from __future__ import annotations

from typing import ClassVar


class AmanaError(Exception):
    """Base of every error Amana raises on purpose.

    `what` is one sentence; `expected`, `got` and `remedy` complete it. `code` is stable and documented.
    """

    code: ClassVar[str] = "error"

    def __init__(self, what: str, *, expected: str = "", got: str = "", remedy: str = "") -> None:
        self.what = what
        self.expected = expected
        self.got = got
        self.remedy = remedy
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The whole message on one line: what, expected, got, remedy."""
        parts = [self.what.rstrip(".") + "."]
        if self.expected:
            parts.append(f"Expected {self.expected}.")
        if self.got:
            parts.append(f"Got {self.got}.")
        if self.remedy:
            parts.append(f"Remedy: {self.remedy.rstrip('.')}.")
        return " ".join(parts)


class BadInput(AmanaError):
    """The caller's input cannot be read as what it should be."""

    code = "bad_input"


class UnregisteredField(BadInput):
    """A column or attribute is not in the workspace's field register (promise 7)."""

    code = "unregistered_field"


class BadWorkspace(BadInput):
    """The workspace's TOML file is not valid."""

    code = "bad_workspace"


class BadLaw(BadInput):
    """A country pack has a gap, a double or an unknown word."""

    code = "bad_law"


class NotFound(AmanaError):
    """The thing that was asked for does not exist."""

    code = "not_found"


class Conflict(AmanaError):
    """The request contradicts what is recorded."""

    code = "conflict"


class NoticeChanged(Conflict):
    """Somebody said yes to a wording that is not the one on record any more: it is to be shown again."""

    code = "notice_changed"


class Busy(AmanaError):
    """Another process holds the writer lease."""

    code = "busy"


class VerificationFailed(AmanaError):
    """A proof, a signature, a ciphertext or a checkpoint does not verify."""

    code = "verification_failed"


class LedgerBroken(AmanaError):
    """The ledger contradicts itself or its last signed checkpoint; nothing more is signed."""

    code = "ledger_broken"


class KeyMissing(AmanaError):
    """A key that is needed is not in the key store, or the key store cannot be opened."""

    code = "key_missing"


class StoreOutdated(AmanaError):
    """The database's schema is older or newer than this program."""

    code = "store_outdated"


class BadSettings(AmanaError):
    """An environment variable or a settings file is not valid."""

    code = "bad_settings"


class NotNow(AmanaError):
    """Work that leaves the process could not be done now; it is tried again. `what` is a short token.

    `after` is how many seconds the other side asked us to wait; 0 where it said nothing.
    """

    code = "not_now"

    def __init__(
        self, what: str, *, expected: str = "", got: str = "", remedy: str = "", after: int = 0
    ) -> None:
        self.after = after
        super().__init__(what, expected=expected, got=got, remedy=remedy)


class Undeliverable(AmanaError):
    """Work that leaves the process cannot be done, now or later. `what` is a short token."""

    code = "undeliverable"
