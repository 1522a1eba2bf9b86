"""Requests from controllers as OpenDSR 2.0 describes them: taken, signed for, followed, called back, cancelled."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from api_samples import DEFINITION, Client, TestClock
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from amana import errors
from amana.core import opendsr as form
from amana.core import workspace
from amana.core.rights import Status
from amana.services.record import api_keys, tasks
from amana.services.record.house import House
from amana.services.rights import opendsr, requests, rights_run
from amana.settings import Settings

DOMAIN = "processor.example"
ONE = "a7551968-d5d6-44b2-9831-815ac9017798"
TWO = "b7551968-d5d6-44b2-9831-815ac9017798"
SECTION = f"""
[opendsr]
domain = "{DOMAIN}"
certificate_file = "opendsr.pem"
key_file = "opendsr.key"
callbacks = ["controller.example", "localhost"]
"""
PATH = "/opendsr/v2/requests"


@pytest.fixture(scope="session")
def identity() -> tuple[bytes, bytes, rsa.RSAPublicKey]:
    """A key and a certificate that names the domain."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=400))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, made.public_bytes(serialization.Encoding.PEM), key.public_key()


@pytest.fixture
def controller(house: House, client: Client, identity: tuple[bytes, bytes, rsa.RSAPublicKey]) -> Client:
    """A controller whose checks count, of a workspace that takes requests."""
    private, certificate, _ = identity
    (house.folder / "opendsr.key").write_bytes(private)
    (house.folder / "opendsr.key").chmod(0o600)
    (house.folder / "opendsr.pem").write_bytes(certificate)
    house.workspace = msgspec.structs.replace(
        house.workspace, opendsr=workspace.read(DEFINITION + SECTION).opendsr
    )
    client.signs_up("johndoe@example.com")
    return client.with_key(api_keys.make(house, "controller", ["*"], ["request", "vouch"]).key)


def wanted(**more: Any) -> dict[str, Any]:
    """The specification's example of a request (its section 7.2), with the version and the regulation of 2.0."""
    return {
        "regulation": "gdpr",
        "subject_request_id": ONE,
        "subject_request_type": "erasure",
        "submitted_time": "2018-10-02T15:00:00Z",
        "subject_identities": [
            {
                "identity_type": "email",
                "identity_value": "johndoe@example.com",
                "identity_format": "raw",
            }
        ],
        "api_version": "2.0",
        "status_callback_urls": ["https://controller.example/opendsr_callbacks"],
        "extensions": {"example-processor.com": {"foo-processor-custom-id": 123456}},
    } | more


def checked(answer: Any, key: rsa.RSAPublicKey) -> dict[str, Any]:
    """The answer's body, once its signature was checked."""
    assert answer.headers["x-opendsr-processor-domain"] == DOMAIN
    signature = base64.b64decode(answer.headers["x-opendsr-signature"])
    key.verify(signature, answer.content, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(signature, answer.content + b" ", padding.PKCS1v15(), hashes.SHA256())
    found: dict[str, Any] = answer.json()
    return found


def test_discovery_says_what_is_understood_and_where_the_certificate_is(
    controller: Client, identity: tuple[bytes, bytes, rsa.RSAPublicKey]
) -> None:
    found = checked(controller.with_key("").get("/opendsr/v2/discovery"), identity[2])
    assert found["api_version"] == "2.0"
    assert {"identity_type": "email", "identity_format": "raw"} in found["supported_identities"]
    assert found["supported_subject_request_types"] == ["access", "portability", "erasure"]
    assert found["processor_certificate"] == f"https://{DOMAIN}/opendsr/v2/certificate.pem"
    certificate = controller.with_key("").get("/opendsr/v2/certificate.pem")
    named = x509.load_pem_x509_certificate(certificate.content)
    assert named.public_key() == identity[2]


def test_a_request_is_taken_with_the_five_values_of_the_specification_and_signed(
    controller: Client, house: House, identity: tuple[bytes, bytes, rsa.RSAPublicKey]
) -> None:
    answer = controller.post(PATH, wanted(submitted_time="2026-05-20T15:00:00Z"))
    assert answer.status_code == 201, answer.text
    found = checked(answer, identity[2])
    assert set(found) == {
        "controller_id",
        "expected_completion_time",
        "received_time",
        "encoded_request",
        "subject_request_id",
    }
    assert found["subject_request_id"] == ONE
    assert found["controller_id"] == "controller"
    assert base64.b64decode(found["encoded_request"]) == answer.request.content
    row = requests.every(house)[0]
    assert (row.kind, row.via, row.status) == ("erasure", "opendsr", "ready")
    assert found["expected_completion_time"] == opendsr.stamp(row.due)
    assert opendsr.stamp(row.received) == "2026-05-20T15:00:00Z"


def test_the_same_id_is_the_same_request_and_belongs_to_its_controller_alone(
    controller: Client, house: House
) -> None:
    first = controller.post(PATH, wanted())
    again = controller.post(PATH, wanted())
    assert (first.status_code, again.status_code) == (201, 201)
    assert len(requests.every(house)) == 1
    assert controller.post(PATH, wanted(subject_request_type="access")).status_code == 400
    other = controller.with_key(api_keys.make(house, "other", ["*"], ["request", "vouch"]).key)
    assert other.get(f"{PATH}/{ONE}").status_code == 404
    assert other.http.delete(f"{PATH}/{ONE}", headers=other._headers({})).status_code == 404
    assert controller.get(f"{PATH}/{TWO}").status_code == 404


def test_the_status_goes_from_pending_to_completed_and_survives_the_erasure(
    controller: Client, house: House, identity: tuple[bytes, bytes, rsa.RSAPublicKey]
) -> None:
    controller.post(PATH, wanted(status_callback_urls=[]))
    told = checked(controller.get(f"{PATH}/{ONE}"), identity[2])
    assert told["request_status"] == "pending"
    assert "results_url" not in told
    while rights_run.sweep(house):
        pass
    told = checked(controller.get(f"{PATH}/{ONE}"), identity[2])
    assert (told["request_status"], told["subject_request_id"]) == ("completed", ONE)


def test_a_controller_that_does_not_vouch_leaves_the_proof_to_the_person(
    controller: Client, house: House
) -> None:
    plain = controller.with_key(api_keys.make(house, "plain", ["orchard"], ["request"]).key)
    assert plain.post(PATH, wanted()).status_code == 201
    row = requests.every(house)[0]
    assert (row.status, row.brand) == ("verifying", "orchard")
    assert plain.get(f"{PATH}/{ONE}").json()["request_status"] == "pending"


def test_a_pending_request_is_cancelled_and_one_that_is_over_is_not(
    controller: Client, identity: tuple[bytes, bytes, rsa.RSAPublicKey]
) -> None:
    controller.post(PATH, wanted())

    def cancels() -> Any:
        return controller.http.delete(f"{PATH}/{ONE}", headers=controller._headers({}))

    answer = cancels()
    assert answer.status_code == 202
    assert set(checked(answer, identity[2])) == {
        "controller_id",
        "received_time",
        "subject_request_id",
        "api_version",
    }
    assert controller.get(f"{PATH}/{ONE}").json()["request_status"] == "cancelled"
    refused = cancels()
    assert refused.status_code == 400
    assert checked(refused, identity[2])["error"]["code"] == 400


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("subject_request_id", {"subject_request_id": ONE.upper()}),
        ("subject_request_id", {"subject_request_id": "a7551968-d5d6-14b2-9831-815ac9017798"}),
        ("subject_request_type", {"subject_request_type": "rectification"}),
        ("regulation", {"regulation": "lgpd"}),
        ("submitted_time", {"submitted_time": "yesterday"}),
        ("submitted_time", {"submitted_time": "2018-10-02T15:00:00"}),
        ("api_version", {"api_version": "1.0"}),
        ("subject_identities", {"subject_identities": []}),
        (
            "identity_format",
            {
                "subject_identities": [
                    {"identity_type": "email", "identity_value": "a" * 64, "identity_format": "sha256"}
                ]
            },
        ),
        (
            "identity_type",
            {
                "subject_identities": [
                    {"identity_type": "shoe_size", "identity_value": "42", "identity_format": "raw"}
                ]
            },
        ),
        ("status_callback_urls", {"status_callback_urls": ["https://elsewhere.example/cb"]}),
        ("status_callback_urls", {"status_callback_urls": ["http://controller.example/cb"]}),
        ("status_callback_urls", {"status_callback_urls": ["https://controller.example@evil.example/cb"]}),
        ("status_callback_urls", {"status_callback_urls": ["https://x@controller.example/cb"]}),
        ("status_callback_urls", {"status_callback_urls": ["https://controller.example:99999/cb"]}),
    ],
)
def test_what_is_no_request_is_a_signed_400_that_names_the_field_and_no_value(
    controller: Client,
    house: House,
    identity: tuple[bytes, bytes, rsa.RSAPublicKey],
    field: str,
    more: dict[str, Any],
) -> None:
    answer = controller.post(PATH, wanted(**more))
    assert answer.status_code == 400, answer.text
    error = checked(answer, identity[2])["error"]
    assert error["code"] == 400
    assert field in error["message"]
    assert "johndoe" not in answer.text
    assert requests.every(house) == []


def test_a_request_without_its_regulation_is_taken_because_the_specifications_example_has_none(
    controller: Client,
) -> None:
    said = wanted()
    del said["regulation"]
    assert controller.post(PATH, said).status_code == 201
    for broken in (b"", b"[]", b"\xff", b'{"subject_request_id": 1}'):
        answer = controller.http.post(PATH, content=broken, headers=controller._headers({}))
        assert answer.status_code == 400, broken


def test_a_workspace_that_takes_no_requests_has_no_such_routes(client: Client, house: House) -> None:
    key = client.with_key(api_keys.make(house, "controller", ["*"], ["request"]).key)
    for answer in (
        key.get("/opendsr/v2/discovery"),
        key.get("/opendsr/v2/certificate.pem"),
        key.post(PATH, wanted()),
        key.get(f"{PATH}/{ONE}"),
    ):
        assert answer.status_code == 404
    assert key.with_key("").post(PATH, wanted()).status_code == 401


def test_the_body_of_a_request_is_stored_and_logged_nowhere(
    controller: Client, house: House, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    answer = controller.post(PATH, wanted())
    encoded = answer.json()["encoded_request"].encode()
    row = requests.every(house)[0]
    told = json.dumps([(one.what, one.detail) for one in requests.happened(house, row)])
    assert "johndoe" not in told
    assert "johndoe" not in caplog.text
    for path in house.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert encoded[:60] not in content, path
            assert b"johndoe@example.com" not in content, path


class Taking(BaseHTTPRequestHandler):
    """A controller's address: remembers what it was told."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.told.append((self.headers, body))  # type: ignore[attr-defined]  # set by the test
        self.send_response(self.server.answers.pop(0) if self.server.answers else 202)  # type: ignore[attr-defined]  # as above
        self.send_header("location", "http://localhost:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def address() -> Iterator[Any]:
    """A controller that listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.told, server.answers = [], []  # type: ignore[attr-defined]  # what it took, and what it answers first
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_change_of_the_status_is_called_back_once_signed_and_tried_again(
    controller: Client,
    house: House,
    clock: TestClock,
    identity: tuple[bytes, bytes, rsa.RSAPublicKey],
    address: Any,
) -> None:
    url = f"http://localhost:{address.server_port}/cb"
    address.answers = [500, 302]  # the first time it is down, and the second it points elsewhere
    controller.post(PATH, wanted(status_callback_urls=[url, url]))

    def turn() -> list[str]:
        clock.now += 3_600
        while tasks.work(house, {opendsr.TASK: opendsr.call_back}):
            pass
        return [json.loads(body)["request_status"] for _, body in address.told]

    assert turn() == ["pending"]
    assert turn() == ["pending", "pending"]
    assert turn() == ["pending"] * 3  # taken
    assert turn() == ["pending"] * 3
    while rights_run.sweep(house):
        pass
    assert turn() == ["pending"] * 3 + ["completed"]
    assert turn() == ["pending"] * 3 + ["completed"]
    headers, body = address.told[-1]
    assert json.loads(body)["status_callback_url"] == url
    assert headers["X-OpenDSR-Processor-Domain"] == DOMAIN
    identity[2].verify(
        base64.b64decode(headers["X-OpenDSR-Signature"]), body, padding.PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.parametrize(
    "host", ["Controller.example", "https://controller.example", "controller.example/x", ""]
)
def test_a_host_that_is_none_is_refused_in_the_workspace_file(host: str) -> None:
    with pytest.raises(errors.BadWorkspace):
        workspace.read(DEFINITION + SECTION.replace('"controller.example"', f'"{host}"'))


def test_every_status_of_ours_has_its_word() -> None:
    words = {one: form.status_of(one, began=False) for one in Status}
    assert set(words.values()) == {"pending", "completed", "cancelled"}
    assert form.status_of(Status.RUNNING, began=True) == "in_progress"
    assert form.status_of(Status.DECIDING, began=True) == "in_progress"
