"""Every desk keeps the rules of desks: a processor that speaks OpenDSR, and a colleague with a book of tasks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from systems_http import Host, Pages
from systems_suite import holds_no_value

from amana import errors
from amana.connectors.systems import catalogue
from amana.connectors.systems.system import Answer, Desk, Errand, Progress
from amana.core.data_map import System

pytestmark = pytest.mark.usefixtures("closed_wires")
DOMAIN = "processor.example"
ERRAND = Errand(
    request="R-2041",
    kind="access",
    identities={"email": ("dana@shop.example",), "loyalty_card": ("7946",)},
    received=1_790_000_000,
    due=1_792_000_000,
)


class Processor(Pages):
    """A processor as OpenDSR 2.0 describes it."""

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        held = self.server.state["requests"]
        if self.headers.get("Authorization") != "Bearer a-token":
            self.signed(401, {"error": {"code": 401}})
        elif parts == ["discovery"]:
            self.signed(200, {"api_version": "2.0"})
        elif parts == ["requests"]:
            ticket = body["subject_request_id"]
            self.server.state["posted"].append(body)
            held[ticket] = {"subject_request_id": ticket, "request_status": "pending", "results_url": None}
            echo = base64.b64encode(self.sent).decode()
            self.signed(201, {"subject_request_id": ticket, "controller_id": "shop", "encoded_request": echo})
        elif parts == ["results"]:
            self.signed(200, [{"email": "dana@shop.example", "cluster": "tea"}])
        elif parts[-1] in held:
            self.signed(200, held[parts[-1]])
        else:
            self.signed(404, {"error": {"code": 404}})

    def signed(self, status: int, body: Any) -> None:
        key = self.server.state["key"]
        raw = json.dumps(body).encode()
        signature = base64.b64encode(key.sign(raw, padding.PKCS1v15(), hashes.SHA256())).decode()
        self.say(
            status,
            body,
            X_OpenDSR_Processor_Domain=self.server.state["domain"],
            X_OpenDSR_Signature=signature,
        )


@dataclass
class Office:
    """A desk, what it was asked, and how its work ends."""

    desk: Desk
    asked: Callable[[], int]
    settle: Callable[[str, Progress], None]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def certificate(key: rsa.RSAPrivateKey, domain: str) -> bytes:
    """A certificate that names a domain."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def processor(key: rsa.RSAPrivateKey) -> Iterator[Host]:
    host = Host(Processor)
    host.state = {"requests": {}, "posted": [], "key": key, "domain": DOMAIN}
    with host.running():
        yield host


def opendsr_desk(host: Host, folder: Path, key: rsa.RSAPrivateKey, **more: Any) -> Desk:
    """The processor's desk, its certificate configured."""
    (folder / "processor.pem").write_bytes(certificate(key, DOMAIN))
    (folder / "token").write_text("a-token\n")
    settings = {
        "base": host.base,
        "token_file": "token",
        "domain": DOMAIN,
        "certificate": "processor.pem",
        "timeout": 1,
    }
    return catalogue.open_desk(System(name="ads", kind="opendsr", settings={**settings, **more}), folder, {})


class Ledger:
    """A book in memory, as services keep theirs in a table."""

    def __init__(self) -> None:
        self.tasks: dict[str, Answer] = {}

    def note(self, system: str, errand: Errand) -> str:
        ticket = f"{system}/{errand.request}/{errand.kind}"
        self.tasks.setdefault(ticket, Answer(progress=Progress.PENDING))
        return ticket

    def read(self, ticket: str) -> Answer | None:
        return self.tasks.get(ticket)


@pytest.fixture(params=["opendsr", "manual"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    if request.param == "manual":
        book = Ledger()
        desk = catalogue.open_desk(System(name="paper", kind="manual"), tmp_path, {}, book)
        yield Office(
            desk,
            lambda: len(book.tasks),
            lambda ticket, how: book.tasks.update({ticket: Answer(progress=how)}),
        )
        return
    host = request.getfixturevalue("processor")
    desk = opendsr_desk(host, tmp_path, request.getfixturevalue("key"))
    words = {Progress.DONE: "completed", Progress.REFUSED: "cancelled", Progress.PENDING: "in_progress"}

    def settle(ticket: str, how: Progress) -> None:
        host.state["requests"][ticket]["request_status"] = words[how]

    yield Office(desk, lambda: len(host.state["posted"]), settle)
    desk.close()


class TestEveryDesk:
    def test_a_desk_that_can_be_asked_passes_the_check(self, office: Office) -> None:
        office.desk.check()

    def test_the_same_errand_again_is_one_errand_and_one_ticket(self, office: Office) -> None:
        assert office.desk.ask(ERRAND) == office.desk.ask(ERRAND)
        assert office.asked() == 1

    def test_another_kind_or_request_is_another_errand(self, office: Office) -> None:
        other = [
            msgspec.structs.replace(ERRAND, kind="erasure"),
            msgspec.structs.replace(ERRAND, request="R-2042"),
        ]
        assert len({office.desk.ask(errand) for errand in (ERRAND, *other)}) == 3
        assert office.asked() == 3

    @pytest.mark.parametrize("end", [Progress.DONE, Progress.REFUSED])
    def test_it_waits_until_the_desk_says_how_it_ended(self, office: Office, end: Progress) -> None:
        ticket = office.desk.ask(ERRAND)
        assert office.desk.hear(ticket).progress is Progress.PENDING
        office.settle(ticket, Progress.PENDING)
        assert office.desk.hear(ticket).progress is Progress.PENDING
        office.settle(ticket, end)
        assert office.desk.hear(ticket).progress is end
        assert office.desk.hear(ticket).progress is end

    def test_a_ticket_that_was_never_given_is_an_error(self, office: Office) -> None:
        with pytest.raises(errors.Undeliverable, match="no_such_ticket"):
            office.desk.hear("R-9999")


class TestOpenDsr:
    def test_the_request_has_what_the_specification_asks_for_and_known_identities_only(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey
    ) -> None:
        ticket = opendsr_desk(processor, tmp_path, key).ask(ERRAND)
        [posted] = processor.state["posted"]
        assert posted["regulation"] == "gdpr"
        assert posted["subject_request_id"] == ticket
        assert posted["subject_request_type"] == "access"
        assert posted["subject_identities"] == [
            {"identity_type": "email", "identity_value": "dana@shop.example", "identity_format": "raw"}
        ]
        assert posted["submitted_time"] == "2026-09-21T14:13:20Z"
        assert posted["api_version"] == "2.0"
        assert ticket[14] == "4"

    def test_what_a_finished_access_hands_over_is_fetched_from_its_own_host_only(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey
    ) -> None:
        desk = opendsr_desk(processor, tmp_path, key)
        ticket = desk.ask(ERRAND)
        done = {"request_status": "completed", "results_url": f"{processor.base}/results"}
        processor.state["requests"][ticket] |= done
        assert desk.hear(ticket).found == ({"email": "dana@shop.example", "cluster": "tea"},)
        processor.state["requests"][ticket]["results_url"] = "https://elsewhere.example/results"
        answer = desk.hear(ticket)
        assert (answer.progress, answer.words, answer.found) == (Progress.DONE, "results_elsewhere", ())

    def test_an_answer_that_the_certificate_did_not_sign_is_not_believed(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey
    ) -> None:
        desk = opendsr_desk(processor, tmp_path, key)
        ticket = desk.ask(ERRAND)
        processor.state["requests"][ticket]["request_status"] = "completed"
        processor.state["key"] = rsa.generate_private_key(65537, 2048)
        with pytest.raises(errors.NotNow, match="opendsr_bad_signature"):
            desk.hear(ticket)

    def test_an_answer_of_another_domain_is_not_believed(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey
    ) -> None:
        desk = opendsr_desk(processor, tmp_path, key)
        processor.state["domain"] = "elsewhere.example"
        with pytest.raises(errors.NotNow, match="opendsr_other_domain"):
            desk.ask(ERRAND)

    def test_a_certificate_for_another_domain_is_refused(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey
    ) -> None:
        desk = opendsr_desk(processor, tmp_path, key)
        (tmp_path / "processor.pem").write_bytes(certificate(key, "elsewhere.example"))
        with pytest.raises(errors.Undeliverable, match="opendsr_bad_certificate"):
            desk.check()

    @pytest.mark.parametrize("kind", ["rectification", "restriction", "objection", "withdrawal"])
    def test_what_the_form_has_no_word_for_is_refused_and_not_bent(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey, kind: str
    ) -> None:
        with pytest.raises(errors.Undeliverable, match="opendsr_no_such_kind"):
            opendsr_desk(processor, tmp_path, key).ask(msgspec.structs.replace(ERRAND, kind=kind))
        assert processor.state["posted"] == []

    def test_an_errand_without_an_identity_it_knows_is_refused(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey
    ) -> None:
        strange = msgspec.structs.replace(ERRAND, identities={"loyalty_card": ("7946",)})
        with pytest.raises(errors.Undeliverable, match="opendsr_no_identity") as refused:
            opendsr_desk(processor, tmp_path, key).ask(strange)
        holds_no_value(refused.value)

    @pytest.mark.parametrize("trouble", ["limited", "broken", "rubbish", "cut", "gone", "denied"])
    def test_a_processor_in_trouble_raises_and_holds_no_value(
        self, processor: Host, tmp_path: Path, key: rsa.RSAPrivateKey, trouble: str
    ) -> None:
        desk = opendsr_desk(processor, tmp_path, key)
        kind = errors.Undeliverable if trouble == "denied" else errors.NotNow
        with processor.in_trouble(trouble), pytest.raises(kind) as refused:
            desk.ask(ERRAND)
        holds_no_value(refused.value)
        assert desk.ask(ERRAND)
        assert len(processor.state["posted"]) == 1
