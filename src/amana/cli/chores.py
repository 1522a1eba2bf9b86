"""`amana tasks`: what waits to be done, and what failed and was handed to a person.

Rule. Tasks are shown as counts by kind, state and the code of their trouble; nothing names a person, and no payload is
opened. What waits for a setting is said with that setting, here and wherever the queue is told. `retry` puts failed
ones back, all or those of one kind or trouble; a marketing message still needs a permit.
"""

from __future__ import annotations

from typing import Annotated

import typer

from amana.cli import rendering, session
from amana.cli.session import JsonFlag, answer
from amana.services.record import tasks
from amana.services.record.tasks import Group

NEEDS = {tasks.NO_MAIL: "[mail]", tasks.NO_TEXTS: "[sms]"}
"""What the workspace file lacks, by the trouble that it makes."""


def register(app: typer.Typer) -> None:
    """Add the noun to the program."""
    group = typer.Typer(no_args_is_help=True, help="Work that waits, and work that failed.")
    group.command("list")(listing)
    group.command("retry")(retry)
    app.add_typer(group, name="tasks")


def listing(context: typer.Context, json: JsonFlag = False) -> None:
    """What is not done, by kind, state and trouble."""
    with context.obj.house() as house:
        found = tasks.standing(house)
    answer({"tasks": found}, json=json, render=lambda told: show(told["tasks"]))


def retry(
    context: typer.Context,
    kind: Annotated[str, typer.Option(help="Only this kind, as `tasks list` names it.")] = "",
    trouble: Annotated[str, typer.Option(help="Only those with this code.")] = "",
    json: JsonFlag = False,
) -> None:
    """Put failed tasks back, due at once."""
    with context.obj.house(writing=True) as house:
        put_back = tasks.retry(house, kind, trouble)
    answer(
        {"put_back": put_back},
        json=json,
        render=lambda told: rendering.line(f"{told['put_back']:,} put back."),
    )


def held_up(found: list[Group]) -> list[str]:
    """What cannot leave until the workspace file says how, a sentence for each setting that is missing."""
    waiting = [one for one in found if one.state == "ready"]
    counts = {code: sum(one.count for one in waiting if one.trouble == code) for code in NEEDS}
    return [
        f"{rendering.counted(count, 'task')} cannot leave: {NEEDS[code]} is missing in amana.toml. "
        "Add it (docs/delivery.md), then start `worker` or `serve` again."
        for code, count in counts.items()
        if count
    ]


def show(found: list[Group]) -> None:
    """The table of tasks that are not done."""
    if not found:
        rendering.line("Nothing waits, and nothing failed.")
        return
    rendering.table(
        ("kind", "state", "trouble", "tasks", "oldest"),
        [(one.kind, one.state, one.trouble, f"{one.count:,}", rendering.moment(one.oldest)) for one in found],
        right=(3,),
    )
    for sentence in held_up(found):
        rendering.line(sentence)
    if any(one.state == "failed" for one in found):
        rendering.line(
            f"Failed tasks wait for a person: mend the cause, then `{session.program()} tasks retry`."
        )
