"""Notices: what people were told, by version; and whether a change is material.

Rule. A notice's identity is the hash of its canonical content. A version under which anybody said anything never
changes: other content under it is refused. Until somebody does, its wording may be replaced, which can make it more
material and never less. A change of who sends, what for, on which channels, with whom it is shared, how
long it is kept or how to leave is **material** (GDPR art. 13(3)): earlier consents no longer cover it. A change of
wording alone is not, unless the author says so. An author may call a wording change material, but may not call a
material change harmless.
"""

from __future__ import annotations

import msgspec

from amana import errors
from amana.core.workspace import NoticeText

MATERIAL = ("who", "purposes", "channels", "shared_with", "kept_for", "withdraw")


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A published version of a notice."""

    id: str
    version: str
    hash: str
    epoch: int  # how many material changes up to and with this version, from 1
    material: bool
    content: dict[str, object]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What publishing would do."""

    id: str
    version: str
    changed: tuple[str, ...]  # names of the parts that differ; empty for a first version
    material: bool
    epoch: int
    replaces: str = ""  # the hash of the wording whose place is taken, under which nobody said anything


def content(notice: NoticeText) -> dict[str, object]:
    """The canonical content that is hashed, stored and shown: plain JSON values."""
    return {
        "who": notice.who,
        "purposes": sorted(notice.purposes),
        "channels": sorted(channel.value for channel in notice.channels),
        "shared_with": sorted(notice.shared_with),
        "kept_for": notice.kept_for,
        "withdraw": notice.withdraw,
        "text": dict(sorted(notice.text.items())),
    }


def altered(notice: NoticeText, latest: Published | None) -> bool:
    """Whether the file says something else than was published, under the version of then."""
    return latest is not None and notice.version == latest.version and content(notice) != latest.content


def replacement(name: str, notice: NoticeText, latest: Published, before: Published | None) -> Change:
    """What putting `notice` in the place of `latest` means, whose version it has; `before` was published before that.

    To be called where nobody said anything under `latest`. Raises Conflict as `change` does.
    """
    anew = change(name, notice, before)
    if anew is None:  # cannot be: two published versions never share their name
        raise errors.Conflict(f"The notice {name} has the version before the latest one")
    return msgspec.structs.replace(
        anew,
        changed=tuple(part for part, said in content(notice).items() if said != latest.content.get(part)),
        material=anew.material or latest.material,
        epoch=max(anew.epoch, latest.epoch),
        replaces=latest.hash,
    )


def change(name: str, notice: NoticeText, latest: Published | None) -> Change | None:
    """What publishing `notice` after `latest` means; None if nothing changed.

    Raises Conflict when the content changed under the same version, or a material change is called harmless.
    """
    new = content(notice)
    if latest is None:
        return Change(id=name, version=notice.version, changed=(), material=True, epoch=1)
    changed = tuple(part for part in new if new[part] != latest.content.get(part))
    if not changed and notice.version == latest.version:
        return None
    if notice.version == latest.version:
        raise errors.Conflict(
            f"The notice {name} changed ({', '.join(changed)}) under its published version {notice.version}, "
            "which people have answered",
            remedy=f"give it a new version in amana.toml: [notices.{name}] version",
        )
    by_content = any(part in MATERIAL for part in changed)
    if by_content and notice.material is False:
        raise errors.Conflict(
            f"The notice {name} is called not material, but {', '.join(changed)} changed",
            remedy="leave `material` out, or undo the change",
        )
    material = by_content or bool(notice.material)
    return Change(
        id=name,
        version=notice.version,
        changed=changed,
        material=material,
        epoch=latest.epoch + (1 if material else 0),
    )
