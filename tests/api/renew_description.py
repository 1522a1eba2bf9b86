"""Writes docs/openapi.json anew from the routes, after one of them was changed on purpose."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from api_samples import DEFINITION

from amana import wiring
from amana.api import app
from amana.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(workspace=Path(name) / "workspace", actor="test")
        wiring.create(settings, DEFINITION)
        with wiring.opened(settings, writing=True) as house:
            made = app.make(house)
            text = json.dumps(made.description(), indent=1, sort_keys=True, ensure_ascii=False)
            made.desk.close()
    PAGE.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
