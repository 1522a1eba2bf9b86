"""Providers' reports are believed with their signature alone, where the workspace says how it is told.

The vectors are made as each provider's own documents describe its signature; the keys are made here.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from api_samples import Client, codes
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from amana import errors
from amana.core import mailing
from amana.core.mailing import Reporter
from amana.delivery import signatures
from amana.services.messaging import reporters
from amana.services.messaging.reporters import Sent
from amana.services.record import api_keys
from amana.services.record.house import House

SECRET = "a long word that only two know"
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
TOPIC = "arn:aws:sns:eu-central-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem"


@pytest.fixture
def reporter(house: House) -> str:
    """A key that may report for Orchard."""
    return api_keys.make(house, "provider", ["orchard"], ["webhook"]).key


@pytest.fixture
def configured(house: House) -> Callable[..., None]:
    """Says in the workspace how one provider's reports are told."""

    def say(provider: str, secret: str = SECRET, **more: str) -> None:
        path = house.folder / "reports.secret"
        path.write_text(secret, "utf-8")
        path.chmod(0o600)
        held = Reporter(**({"secret_file": path.name} | more))
        mailing.check_reports({provider: held})
        house.workspace = msgspec.structs.replace(house.workspace, reports={provider: held})

    return say


def sent(client: Client, key: str, provider: str, body: bytes, **headers: str) -> int:
    """The status of a report."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return int(client.http.post(f"/v1/webhooks/{provider}/{key}", content=body, headers=named).status_code)


def test_meta_signs_the_body_with_the_apps_secret(
    client: Client, reporter: str, configured: Callable[..., None]
) -> None:
    configured("whatsapp")
    body = json.dumps({"entry": []}).encode()
    good = "sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex()
    assert sent(client, reporter, "whatsapp", body) == 403
    assert sent(client, reporter, "whatsapp", body, X_Hub_Signature_256=good) == 200
    assert sent(client, reporter, "whatsapp", body + b" ", X_Hub_Signature_256=good) == 403
    assert sent(client, reporter, "whatsapp", body, X_Hub_Signature_256=good[:-1] + "x") == 403


def test_twilio_signs_the_address_and_the_sorted_form(
    client: Client, reporter: str, configured: Callable[..., None]
) -> None:
    configured("twilio")
    address = f"http://testserver.local/v1/webhooks/twilio/{reporter}"
    text = f"{address}BodySTOPFrom+4915123456789MediaUrl0MessageSidSM1"
    good = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha1")).decode()
    body = b"MessageSid=SM1&From=%2B4915123456789&Body=STOP&MediaUrl0="
    assert sent(client, reporter, "twilio", body) == 403
    assert sent(client, reporter, "twilio", body, X_Twilio_Signature=good) == 200
    assert sent(client, reporter, "twilio", body.replace(b"STOP", b"START"), X_Twilio_Signature=good) == 403


def test_sendgrid_signs_the_time_and_the_body_with_an_elliptic_key(
    client: Client, reporter: str, configured: Callable[..., None]
) -> None:
    public = ELLIPTIC.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    configured("sendgrid", secret=base64.b64encode(public).decode())
    client.signs_up("ann@example.com")
    body = b'[{"event": "spamreport", "email": "ann@example.com"}]\r\n'
    signed = base64.b64encode(ELLIPTIC.sign(b"1600112502" + body, ec.ECDSA(hashes.SHA256()))).decode()
    name = "X_Twilio_Email_Event_Webhook_"
    headers = {f"{name}Signature": signed, f"{name}Timestamp": "1600112502"}
    assert sent(client, reporter, "sendgrid", body) == 403
    assert sent(client, reporter, "sendgrid", body, **headers | {f"{name}Timestamp": "1600112503"}) == 403
    assert sent(client, reporter, "sendgrid", body, **headers | {f"{name}Signature": "not base64"}) == 403
    assert client.asks(("person", "p1"))["decision"] is True  # nothing was believed so far
    assert sent(client, reporter, "sendgrid", body, **headers) == 200
    assert codes(client.asks(("person", "p1")))[0] == "withdrawn"


def test_postmark_is_known_by_name_and_password(
    client: Client, reporter: str, configured: Callable[..., None]
) -> None:
    configured("postmark", user="mark")
    body = b'{"RecordType": "Open"}'

    def basic(password: str) -> str:
        return "Basic " + base64.b64encode(f"mark:{password}".encode()).decode()

    assert sent(client, reporter, "postmark", body) == 403
    assert sent(client, reporter, "postmark", body, authorization=basic("guessed")) == 403
    for _ in range(30):  # and its header is no wrong key of ours
        assert sent(client, reporter, "postmark", body, authorization=basic(SECRET)) == 200


# ---- Amazon ---------------------------------------------------------------------------------------------------------


def certified() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key, and its certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, made.public_bytes(serialization.Encoding.PEM)


KEY, PEM = certified()


def notification(version: str = "2", **more: Any) -> dict[str, Any]:
    """A signed notification."""
    said: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": "{}",
        "Timestamp": "2026-05-28T20:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE,
    } | more
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{said[name]}\n" for name in names if name in said)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    said["Signature"] = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), digest)).decode()
    return said


def checked(house: House, said: dict[str, Any]) -> list[str]:
    """Check a notification; which addresses a certificate was fetched from."""
    fetched: list[str] = []

    def fetch(place: str) -> bytes:
        fetched.append(place)
        return PEM

    body = json.dumps(said).encode()
    reporters.verify(house, "ses", Sent(address="", headers={}, body=body), fetch)
    return fetched


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Subject": "Bounce"},
        {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.example/x", "Token": "t"},
    ],
)
def test_amazon_signs_the_fields_of_a_notification(
    more: dict[str, str], version: str, house: House, configured: Callable[..., None]
) -> None:
    configured("ses", secret_file="", topic=TOPIC)
    said = notification(version, **more)
    assert checked(house, said) == [CERTIFICATE]
    for name in ("Message", "MessageId", "Timestamp", "Type", *more):
        with pytest.raises(errors.VerificationFailed):
            checked(house, said | {name: "altered"})


@pytest.mark.parametrize(
    "place",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.example.com/a.pem",
        "https://example.com/sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com@example.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:444/a.pem",
        "https://s3.eu-central-1.amazonaws.com/a.pem",
        "https://sns.s3-eu-central-1.amazonaws.com/a.pem",  # a bucket that somebody called sns
        "https://sns.eu-central-1.amazonaws.com/a.pem\n",
        "https://sns.eu-central-1.amazonaws.com/../a.pem?x=.pem",
        "file:///etc/passwd.pem",
        "",
    ],
)
def test_a_certificate_is_fetched_from_amazon_alone(
    place: str, house: House, configured: Callable[..., None]
) -> None:
    configured("ses", secret_file="", topic=TOPIC)

    def fetch(_: str) -> bytes:
        raise AssertionError("it was fetched")

    body = json.dumps(notification(SigningCertURL=place)).encode()
    with pytest.raises(errors.VerificationFailed):
        reporters.verify(house, "ses", Sent(address="", headers={}, body=body), fetch)
    with pytest.raises(errors.VerificationFailed):
        signatures.certificate(place)


def test_another_topic_another_version_and_no_signature_are_refused(
    client: Client, reporter: str, house: House, configured: Callable[..., None]
) -> None:
    configured("ses", secret_file="", topic=TOPIC)
    for said in (
        notification(TopicArn=f"{TOPIC}-of-somebody-else"),
        notification() | {"SignatureVersion": "3"},
        notification() | {"Signature": ""},
        {},
    ):
        with pytest.raises(errors.VerificationFailed):
            checked(house, said)
    assert sent(client, reporter, "ses", b'{"notificationType": "Bounce"}') == 403


@pytest.mark.parametrize(
    "reports",
    [
        {"nobody": Reporter(secret_file="x")},
        {"ses": Reporter(secret_file="x")},
        {"postmark": Reporter(user="x")},
    ],
)
def test_a_section_that_would_prove_nothing_is_refused(reports: dict[str, Reporter]) -> None:
    with pytest.raises(errors.BadWorkspace):
        mailing.check_reports(reports)
