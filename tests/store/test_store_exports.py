"""Registered exports: every address that leaves is written down first, and its time ends; settings of safekeeping."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_world import DAY, NOW, Place, row, take

from amana import errors, settings
from amana.services.keeping import exports
from amana.storage import register


def test_every_value_that_leaves_is_a_look_and_the_file_is_registered(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(1), row(2)])
        opened = exports.with_contact(
            house, [2, 1, 2], recipient="the printer", days=3, file="mail.csv", actor="dana", purpose="post"
        )
        assert [one.points[0][1] for one in opened] == ["Person2@example.com", "Person1@example.com"]
        with house.database.read() as connection:
            assert [look[1:4] for look in register.looks(connection)] == [
                ("dana", "post", 2),
                ("dana", "post", 1),
            ]
        one = exports.listing(house)[0]
        assert (one.people, one.expires, one.recall) == (2, NOW + 3 * DAY, "none")
    with place.opened(writing=True, now=NOW + 3 * DAY) as house:
        assert exports.listing(house)[0].recall == "due"
        exports.confirm(house, one.id)
        assert exports.listing(house)[0].recall == "confirmed"


def test_an_export_without_recipient_end_or_known_people_gives_nothing_out(
    place: Place, tmp_path: Path
) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(1)])
        said = {"recipient": "the printer", "days": 3, "file": "f", "actor": "dana", "purpose": "post"}
        for missing in ({"recipient": ""}, {"days": 0}, {"actor": ""}, {"purpose": ""}):
            with pytest.raises(errors.BadInput):
                exports.with_contact(house, [1], **(said | missing))  # type: ignore[arg-type]  # words of a test
        with pytest.raises(errors.NotFound):
            exports.with_contact(house, [1, 99], **said)  # type: ignore[arg-type]  # words of a test
        with house.database.read() as connection:
            assert register.looks(connection) == []
        assert exports.listing(house) == []


def test_safekeeping_is_set_in_the_environment() -> None:
    read = settings.read({"AMANA_JOURNAL": "/mnt/j", "AMANA_BACKUP_DAYS": "90", "USER": "dana"})
    assert (read.journal, read.backup_days) == (Path("/mnt/j"), 90)
    assert settings.read({"USER": "dana"}).journal is None
    for wrong in ("0", "-3", "a week"):
        with pytest.raises(errors.BadSettings):
            settings.read({"AMANA_BACKUP_DAYS": wrong})
