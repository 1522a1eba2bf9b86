"""docs/orientation.md points at places that exist."""

from __future__ import annotations

import re

from house_tree import ROOT, table


def test_each_place_that_the_orientation_names_exists() -> None:
    rows = table((ROOT / "docs" / "orientation.md").read_text("utf-8"), "#")
    assert len(rows) == 10
    for row in rows:
        text = (ROOT / row["file"].strip("`")).read_text("utf-8")
        name = re.escape(row["name"].strip("`"))
        assert re.search(rf'(def {name}\(|class {name}\b|id = "{name}")', text), row
