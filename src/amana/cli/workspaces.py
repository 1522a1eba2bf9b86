"""The workspace itself: making it, publishing its notices, and how it stands.

Rule. `init` writes the workspace file that comes with this release, with the caller's name in it, and makes everything
beside it; afterwards the file is the caller's to edit. `status` changes nothing and never fails because something is
amiss in the workspace file's notices: it says so. What the law book's compilers did not confirm is counted and named.
"""

from __future__ import annotations

import json as plain_json
import os
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from amana import errors, settings, wiring
from amana.cli import rendering
from amana.cli.session import JsonFlag, answer
from amana.columns.store import ColumnStore
from amana.core import notices, places
from amana.core.vocabulary import SubjectType
from amana.services import publish as publishing
from amana.services.house import House
from amana.storage import log, people, register, sources

NAME, CONTACT, COUNTRY = '"Your Company Ltd"', '"privacy@your-company.example"', '"DE"'
"""What the template says where the caller's own words go."""


def register_(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("init")(init)
    app.command("status")(status)
    app.command("publish")(publish)
    app.command("reviews")(reviews)


register_verbs = register_
