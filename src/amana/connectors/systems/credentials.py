"""Secrets of a connected system: named in its settings, never written there.

Rule. A setting `name_file` is a file whose first line is the secret, its path starting at the workspace's folder;
`name_env` is an environment variable. One of the two, not both. The value itself under `name` is refused, so that a
system's file can be shown to anybody. No error and no log holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from amana import errors


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret stands; it is read at the moment of use, so that a changed file needs no restart."""

    name: str
    file: Path | None = None
    variable: str = ""
    environment: Mapping[str, str] = {}

    def read(self) -> str:
        """The secret, "" where none is declared. Raises Undeliverable."""
        if self.file is not None:
            try:
                lines = self.file.read_text("utf-8").splitlines()
            except (OSError, UnicodeDecodeError):
                raise errors.Undeliverable(
                    "secret_missing", expected=f"a file for {self.name}_file"
                ) from None
            return lines[0].strip() if lines else ""
        if self.variable:
            if self.variable not in self.environment:
                raise errors.Undeliverable(
                    "secret_missing", expected="the environment variable", got=self.variable
                )
            return self.environment[self.variable]
        return ""


def secret(name: str, file: str, variable: str, folder: Path, environment: Mapping[str, str]) -> Secret:
    """The secret that `name_file` or `name_env` declares. Raises BadInput for both at once."""
    if file and variable:
        raise errors.BadInput("A secret is declared twice", expected=f"{name}_file or {name}_env", got="both")
    return Secret(name=name, file=folder / file if file else None, variable=variable, environment=environment)
