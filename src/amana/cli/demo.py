"""`amana demo`: from nothing to an invented company, screened campaigns, and somebody who is forgotten everywhere.

Rule. The demo does nothing of its own: it writes the sample's files and then calls the services that every other verb
calls, in the order in which a newcomer would. It works in one folder that is empty or holds an earlier demo of the same
size; running it again imports nothing twice and erases nobody else. It holds both screens against what the sample knows
to be true: if anybody who said no anywhere were allowed, it fails. The moment asked about is the coming Wednesday, 18:00
UTC, so that the figures do not change with the hour at which somebody tries it. The ledger is verified last, with
everything that happened in it.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress

from amana import errors, wiring
from amana.cli import demo_pages, demo_rights, session
from amana.connectors import catalogue, sends
from amana.connectors.tables import Source
from amana.core import rules
from amana.core.events import Permission
from amana.core.vocabulary import GRANTING, REFUSING, Channel
from amana.ledger import nodes
from amana.sample.exports import SampleFiles, write_exports
from amana.sample.people import people as sample_people
from amana.sample.records import Records, records
from amana.sample.sends import write_sends
from amana.sample.shop import settled, write_shop
from amana.services.audience import past_sends, replay, screening, whatif
from amana.services.audience.whatif import Flips, Side
from amana.services.collection import imports
from amana.services.gate.asking import Gate, Inquiry
from amana.services.keeping import audit
from amana.services.record import history
from amana.services.record.house import House
from amana.services.systems import data_map, map_picture
from amana.settings import Settings
from amana.storage import log, people, sources

SEED = 7
MARK = "demo.toml"
EXPORTS = "exports"
BRAND = "linden"
LOOKED_AT = 300  # people whose history is opened to find one about whom two systems disagree
OPENED = 200  # people whose events are opened to see that they verify
FIRST = 6_000  # people of the sample who may be in the shop and in the log of sends
LAW_CHANGE = (
    "2025-06-30",
    "2025-07-01",
)  # the day before and the day on which Russia asks for storage at home
MAP = "data-map.html"

NEWSLETTER = Inquiry(brand=BRAND, purpose="newsletter", channel=Channel.EMAIL)
OFFERS = Inquiry(brand=BRAND, purpose="offers", channel=Channel.SMS)
OFFERS_BY_EMAIL = Inquiry(brand=BRAND, purpose="offers", channel=Channel.EMAIL)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the sample: how it is read, and what somebody could show for it."""

    kind: str
    reading: str  # name of its options or mapping in the package
    path: Path
    evidence: str


class Steps:
    """How long each step took, in seconds, in order."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        started = time.perf_counter()
        yield
        self.taken.append((name, time.perf_counter() - started))


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(demo)


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option(help="Where to work: empty, or an earlier demo.")] = Path("demo"),
    people: Annotated[int, typer.Option(min=100, help="How many invented customers.")] = 20_000,
) -> None:
    """From nothing to an invented company, a sealed ledger, screened campaigns and an erasure."""
    settings = msgspec.structs.replace(context.obj.settings, workspace=folder)
    steps = Steps()
    _claim(folder, people)
    with steps.step("write the exports"):
        files = write_exports(folder / EXPORTS, SEED, people)
        lists = write_truth(folder / EXPORTS, files)
        held = list(islice(records(sample_people(SEED, people), SEED), FIRST))
        write_sends(folder / EXPORTS / "newsletter_sends.csv", held)
    demo_pages.exports(files, folder)
    with steps.step("make the workspace"):
        settle_in(settings, folder / EXPORTS, held)
    with wiring.opened(settings, writing=True) as house:
        _import_all(house, files, steps)
        at = moment(house.clock())
        campaigns = _screens(house, at, steps)
        with steps.step("ask"):
            somebody = _ask_two(house, campaigns, at)
        with steps.step("check"):
            check(house, lists, at)
        with steps.step("what if"):
            demo_pages.turned(*_law_change(house, at), LAW_CHANGE)
        with steps.step("replay"):
            demo_pages.replayed(_replay(house, folder / EXPORTS))
        with steps.step("erase"):
            gone = _forget(house, held, files, at)
        with steps.step("verify"):
            demo_pages.verified(*_verify(house))
        _draw_map(house)
    demo_pages.timings(steps.taken)
    demo_pages.where_next(folder, somebody, gone)


def sample(name: str) -> str:
    """A file of the sample company: its workspace, options or a mapping."""
    return (resources.files("amana.data") / "sample" / name).read_text("utf-8")


def moment(now: int) -> int:
    """The coming Wednesday, 18:00 UTC, as UTC seconds; never today."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=18, minute=0, second=0, microsecond=0)
    ahead = (2 - today.weekday()) % 7 or 7
    return int((today + timedelta(days=ahead)).timestamp())


# ---- the folder -------------------------------------------------------------------------------------------------


def _claim(folder: Path, people: int) -> None:
    """Take the folder for a demo of this size. Raises Conflict if it holds something else, or another size."""
    mark = folder / MARK
    if folder.exists() and not folder.is_dir():
        raise errors.Conflict(
            "The demo needs a folder, and this is a file", remedy="name another with --folder"
        )
    if not folder.exists() or not any(folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(f"# Made by `amana demo`.\npeople = {people}\n", "utf-8")
        return
    if not mark.is_file():
        raise errors.Conflict(
            "The folder holds something else",
            expected="an empty folder, or one that `amana demo` made",
            remedy="name another with --folder",
        )
    before = tomllib.loads(mark.read_text("utf-8")).get("people")
    if before != people:
        raise errors.Conflict(
            "The demo in this folder has another size",
            expected=f"--people {before}",
            got=f"--people {people}",
            remedy="give the same number, name another folder with --folder, or remove this one",
        )


def write_truth(folder: Path, files: SampleFiles) -> dict[str, Path]:
    """Lists of the addresses that the check is about, as audience files; they can be screened by hand too."""
    truth = files.truth
    lists = {
        "said no to e-mail": ("email", truth.said_no_email),
        "said no to text messages": ("phone", truth.said_no_sms),
        "only on the bought list": ("email", truth.bought_only),
    }
    paths = {}
    for name, (column, addresses) in lists.items():
        paths[name] = folder / f"{name.replace(' ', '-')}.csv"
        paths[name].write_text("\n".join([column, *sorted(addresses)]) + "\n", "utf-8")
    return paths


def settle_in(settings: Settings, exports: Path, held: list[Records]) -> None:
    """The workspace, its web shop's database and the files that connect the two; what is there stays as it is."""
    folder = settings.workspace
    if not (folder / wiring.DEFINITION).exists():
        wiring.create(settings, sample("amana.toml"))
    write_shop(folder / "shop.db", held)
    systems = folder / data_map.FOLDER
    systems.mkdir(exist_ok=True)
    for name, target in (
        ("systems/shop.toml", systems / "shop.toml"),
        ("systems/shop.yml", systems / "shop.yml"),
        ("sends.toml", exports / "newsletter_sends.toml"),
    ):
        if not target.exists():
            target.write_text(sample(name), "utf-8")


def _draw_map(house: House) -> None:
    page = map_picture.page(data_map.load(house.folder), house.workspace.organisation.name)
    (house.folder / MAP).write_text(page, "utf-8")


# ---- the imports ------------------------------------------------------------------------------------------------


def arrivals(files: SampleFiles) -> tuple[Arrival, ...]:
    """The three files in the order in which they are imported. Nobody can show anything for the bought list."""
    return (
        Arrival(
            kind="mailchimp",
            reading="newsletter.toml",
            path=files.newsletter,
            evidence="archive of the sign-up page since 2021; account settings of the newsletter tool",
        ),
        Arrival(
            kind="table",
            reading="crm.toml",
            path=files.crm,
            evidence="archive of the wordings news-1 to news-3 and of each form; order records",
        ),
        Arrival(kind="table", reading="leads.toml", path=files.leads, evidence=""),
    )


def order(house: House, arrival: Arrival) -> tuple[imports.Order, int]:
    """What the import service needs to know about a file, and how many rows to expect."""
    importer = catalogue.find(arrival.kind)
    reading = sample(arrival.reading)
    options = importer.load(reading)
    source = importer.open(arrival.path, options)
    fields = options.field_names() if arrival.kind == "table" else tuple(options.fields)
    made = imports.Order(
        kind=arrival.kind,
        name=arrival.path.stem,
        digest=source.digest,
        reading=reading,
        evidence=arrival.evidence,
        brand=BRAND,
        fields=fields,
        rows=lambda start: importer.read(source, options, house.clock(), start),
    )
    return made, source.estimated_rows


def _import_all(house: House, files: SampleFiles, steps: Steps) -> None:
    reports: list[tuple[str, imports.Report, float]] = []
    with Progress(console=session.notes, transient=True, disable=not session.notes.is_terminal) as bar:
        for arrival in arrivals(files):
            with steps.step(f"import {arrival.path.name}"):
                report = _import(house, arrival, bar)
            reports.append((arrival.path.stem, report, steps.taken[-1][1]))
    demo_pages.imported(reports)


def _import(house: House, arrival: Arrival, bar: Progress) -> imports.Report:
    made, expected = order(house, arrival)
    task = bar.add_task(arrival.path.name, total=expected or None)

    def progress(report: imports.Report) -> None:
        bar.update(task, completed=report.counts.get("rows", 0) + report.counts.get("rejected_rows", 0))

    return imports.run(house, made, progress)


# ---- the ledger -------------------------------------------------------------------------------------------------


def _verify(house: House) -> tuple[int, bytes, int]:
    """Ledger size, root, and how many events were opened: signature, every tile, and a sample of the people.

    Raises VerificationFailed, LedgerBroken.
    """
    size = audit.quick(house).size
    with house.database.read() as connection:
        latest = log.latest(connection)
        if latest is None or latest.size != size:
            raise errors.LedgerBroken("The ledger has no checkpoint of its size", remedy="restore the backup")
        nodes.verify_tree(size, log.tile_reader(connection), latest.root)
        last = people.next_id(connection)
    chosen = range(1, last, max(1, last // OPENED))
    opened = sum(len(history.of_person(house, person)) for person in chosen)
    return size, latest.root, opened


# ---- the campaigns ----------------------------------------------------------------------------------------------

Campaign = tuple[Inquiry, screening.Screened]


def _screens(house: House, at: int, steps: Steps) -> list[Campaign]:
    found = []
    for inquiry in (NEWSLETTER, OFFERS):
        with steps.step(f"screen everybody for {demo_pages.campaign(inquiry)}"):
            found.append((inquiry, screening.screen(house, inquiry, at)))
        demo_pages.screened(*found[-1], shown=demo_pages.SHOWN if len(found) == 1 else 3)
    return found


def _ask_two(house: House, campaigns: list[Campaign], at: int) -> int:
    """Somebody about whom two systems disagree, and somebody for whom only the time is wrong, or the proof.

    In a small sample one of them may be missing. The id of the first one asked about.
    """
    (newsletter, by_email), (offers, by_text) = campaigns
    unproven = 1 << rules.BY_CODE["consent_unproven"].bit
    torn, told = _torn(house, newsletter, by_email)
    waiting = _first(by_text, rules.TIMING_BITS)
    second = (waiting, offers) if waiting else (_first(by_email, unproven), newsletter)
    gate = Gate(house)
    try:
        if torn:
            demo_pages.asked(torn, newsletter, gate.ask(torn, newsletter, at))
            demo_pages.told(torn, told, _source_names(house))
        if second[0]:
            demo_pages.asked(second[0], second[1], gate.ask(second[0], second[1], at))
    finally:
        gate.close()
    return torn or second[0] or 1


def _first(result: screening.Screened, bits: int) -> int:
    """The first person who is refused for nothing but these reasons, or 0."""
    for person, found in zip(result.people.tolist(), result.bits.tolist(), strict=True):
        if found and not found & ~bits:
            return int(person)
    return 0


def _torn(house: House, inquiry: Inquiry, result: screening.Screened) -> tuple[int, list[history.Opened]]:
    """The first person of whom one system says yes to the inquiry and another no, with what each said; or 0."""
    no = sum(1 << rules.BY_CODE[code].bit for code in ("withdrawn", "refused"))
    looked_at = 0
    for person, found in zip(result.people.tolist(), result.bits.tolist(), strict=True):
        if not found & no or looked_at >= LOOKED_AT:
            continue
        looked_at += 1
        told = [one for one in history.of_person(house, person) if isinstance(one.event, Permission)]
        yes_from = {one.event.source for one in told if _says(one, inquiry, yes=True)}
        no_from = {one.event.source for one in told if _says(one, inquiry, yes=False)}
        if yes_from and no_from - yes_from:
            return int(person), told
    return 0, []


def _says(one: history.Opened, inquiry: Inquiry, *, yes: bool) -> bool:
    event = one.event
    if not isinstance(event, Permission) or event.channel not in (inquiry.channel.value, "*"):
        return False
    return event.status in (GRANTING if yes else REFUSING) and event.purpose in (inquiry.purpose, "*")


def _source_names(house: House) -> dict[int, str]:
    with house.database.read() as connection:
        return {one.id: one.name for one in sources.all_sources(connection)}


# ---- other laws, earlier days -----------------------------------------------------------------------------------


def _law_change(house: House, at: int) -> tuple[Inquiry, Flips]:
    """Whom one dated change of law turns, everything else alike."""
    before, after = (
        Side(book=book, at=at, law=name) for book, name in (whatif.law_of(house, day) for day in LAW_CHANGE)
    )
    return NEWSLETTER, whatif.compare(house, NEWSLETTER, before, after)


def _replay(house: House, folder: Path) -> replay.Replayed:
    """What the gate would have said to two campaigns of the newsletter tool."""
    mapping = sends.load((folder / "newsletter_sends.toml").read_text("utf-8"))
    log_of_sends = Source(folder / "newsletter_sends.csv", mapping.layout())
    found = past_sends.read(house, "newsletter_export", sends.read(log_of_sends, mapping))
    return replay.run(house, BRAND, found, with_remedies=False)


# ---- somebody who is forgotten ----------------------------------------------------------------------------------


def _forget(house: House, held: list[Records], files: SampleFiles, at: int) -> demo_rights.Forgotten | None:
    """Erase whoever asks, everywhere, and import an old file with them in it. Raises VerificationFailed."""
    candidates = (one.person for one in held if settled(one))
    gone = demo_rights.forget(house, candidates, files.crm, NEWSLETTER, at)
    if gone is None:
        return None
    demo_pages.forgotten(gone)
    copy = demo_rights.old_copy(files.crm.parent)
    before = demo_rights.allowed(house, copy, NEWSLETTER, at)
    arrival = msgspec.structs.replace(arrivals(files)[1], path=copy.path)
    report = imports.run(house, msgspec.structs.replace(order(house, arrival)[0], name=files.crm.stem))
    after = demo_rights.allowed(house, copy, NEWSLETTER, at)
    demo_rights.check(before[0], after[0])
    demo_pages.brought_back(copy.path, report, before, after)
    return gone


# ---- the truth --------------------------------------------------------------------------------------------------


def check(house: House, lists: dict[str, Path], at: int) -> None:
    """Ask about everybody at an address or number that said no, in whichever file.

    Raises VerificationFailed if one of them is allowed, or if one of their addresses is not known at all.
    """
    must_not: tuple[tuple[str, Inquiry], ...] = (
        ("said no to e-mail", NEWSLETTER),
        ("said no to e-mail", OFFERS_BY_EMAIL),
        ("said no to text messages", OFFERS),
    )
    found: list[tuple[str, Inquiry, screening.Screened]] = []
    for name, inquiry in must_not:
        result = screening.screen(house, inquiry, at, lists[name])
        found.append((name, inquiry, result))
        _refuse_allowed(name, inquiry, result)
    bought = screening.screen(house, NEWSLETTER, at, lists["only on the bought list"])
    demo_pages.checked(found, bought)


def _refuse_allowed(name: str, inquiry: Inquiry, result: screening.Screened) -> None:
    if result.counts.allowed or result.unknown:
        raise errors.VerificationFailed(
            f"The check failed for {demo_pages.campaign(inquiry)}",
            expected=f"nobody allowed among those who {name}, and each of them known",
            got=f"{result.counts.allowed} allowed, {result.unknown} unknown",
            remedy="report it as a defect",
        )
