"""Requests handed to a processor in the OpenDSR 2.0 form (OpenDSR specification, requests and their status).

Rule.
- One errand is one request: its id is made from the errand, so that asking again names the same one. Before anything
  is posted, the processor is asked whether it has it already.
- OpenDSR knows access, portability and erasure; any other kind is `opendsr_no_such_kind`.
- Where a certificate is configured, every answer has to be signed by it (X-OpenDSR-Signature: RSA with SHA-256 over the
  body, base64) and to name the declared domain; else it is not believed. The certificate has to name that domain.
- `completed` is done, `cancelled` is refused, anything else waits. Of a finished access, what stands at results_url on
  the same host is fetched; elsewhere it is not, and the answer says so. The echo of the request is never logged.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from amana import errors
from amana.connectors.systems.credentials import Secret, secret
from amana.connectors.systems.http_wire import Answered, Call, Wire
from amana.connectors.systems.system import Answer, Errand, Progress

VERSION = "2.0"
KINDS = frozenset({"access", "portability", "erasure"})
IDENTITIES = frozenset(
    {
        "email",
        "phone_number",
        "controller_customer_id",
        "android_advertising_id",
        "android_id",
        "ios_advertising_id",
        "ios_vendor_id",
        "fire_advertising_id",
        "microsoft_advertising_id",
        "microsoft_publisher_id",
        "roku_publisher_id",
        "roku_advertising_id",
    }
)
_PROGRESS = {
    "pending": Progress.PENDING,
    "in_progress": Progress.PENDING,
    "completed": Progress.DONE,
    "cancelled": Progress.REFUSED,
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the system's file says of a processor."""

    base: str  # its address, to which /requests is added
    token_file: str = ""  # a bearer token
    token_env: str = ""
    regulation: str = "gdpr"
    domain: str = ""  # who answers: X-OpenDSR-Processor-Domain
    certificate: str = ""  # PEM file; answers have to be signed by it
    timeout: int = 20  # seconds


class _Status(msgspec.Struct, frozen=True):
    """GET /requests/{id}; what we read of it."""

    subject_request_id: str
    request_status: str
    results_url: str | None = None


class _Accepted(msgspec.Struct, frozen=True):
    """201 of POST /requests."""

    subject_request_id: str


def open_opendsr(settings: Settings, folder: Path, environment: Mapping[str, str]) -> OpenDsr:
    """A processor. Raises BadInput."""
    token = secret("token", settings.token_file, settings.token_env, folder, environment)
    if settings.certificate and not settings.domain:
        raise errors.BadInput("A certificate is declared without a domain", expected="domain")
    certificate = folder / settings.certificate if settings.certificate else None
    return OpenDsr(settings, token, certificate)


class OpenDsr:
    """A desk that speaks OpenDSR."""

    def __init__(self, settings: Settings, token: Secret, certificate: Path | None) -> None:
        self._settings = settings
        self._token = token
        self._certificate = certificate
        self._wire = Wire(settings.base, timeout=settings.timeout)

    def check(self) -> None:
        """As Desk.check: what the processor says it can do."""
        self._read(self._call("GET", "/discovery"))
        if self._certificate is not None:
            self._key(self._certificate)

    def ask(self, errand: Errand) -> str:
        """As Desk.ask."""
        if errand.kind not in KINDS:
            raise errors.Undeliverable(
                "opendsr_no_such_kind", expected=", ".join(sorted(KINDS)), got=errand.kind
            )
        ticket = request_id(errand)
        if self._status(ticket) is not None:
            return ticket
        answer = self._call("POST", "/requests", self._body(errand, ticket))
        accepted = self._decode(answer, _Accepted)
        if accepted.subject_request_id != ticket:
            raise errors.NotNow("answer_unreadable", expected="the id of the request")
        return ticket

    def hear(self, ticket: str) -> Answer:
        """As Desk.hear."""
        status = self._status(ticket)
        if status is None:
            raise errors.Undeliverable("no_such_ticket", expected="a request that the processor has")
        progress = _PROGRESS.get(status.request_status)
        if progress is None:
            raise errors.NotNow("answer_unreadable", expected=", ".join(_PROGRESS))
        if progress is not Progress.DONE or not status.results_url:
            return Answer(progress=progress, words=status.request_status)
        if not self._wire.is_own(status.results_url):
            return Answer(progress=progress, words="results_elsewhere")
        return Answer(progress=progress, words=status.request_status, found=self._results(status.results_url))

    def close(self) -> None:
        """As Desk.close."""
        self._wire.close()

    def _status(self, ticket: str) -> _Status | None:
        answer = self._call("GET", f"/requests/{quote(ticket, safe='')}", missing=True)
        if answer.status == 404:
            return None
        status: _Status = self._decode(answer, _Status)
        if status.subject_request_id != ticket:
            raise errors.NotNow("answer_unreadable", expected="the status of this request")
        return status

    def _results(self, address: str) -> tuple[dict[str, Any], ...]:
        found = self._wire.json(self._read(self._wire.send(self._prepared("GET", address))))
        rows = found if isinstance(found, list) else [found]
        if not all(isinstance(row, dict) for row in rows):
            raise errors.NotNow("answer_unreadable", expected="objects")
        return tuple(rows)

    def _body(self, errand: Errand, ticket: str) -> dict[str, Any]:
        identities = [
            {"identity_type": kind, "identity_value": value, "identity_format": "raw"}
            for kind, values in sorted(errand.identities.items())
            if kind in IDENTITIES
            for value in values
        ]
        if not identities:
            raise errors.Undeliverable("opendsr_no_identity", expected="an identity that OpenDSR knows")
        return {
            "regulation": self._settings.regulation,
            "subject_request_id": ticket,
            "subject_request_type": errand.kind,
            "subject_identities": identities,
            "submitted_time": datetime.fromtimestamp(errand.received, UTC).isoformat().replace("+00:00", "Z"),
            "api_version": VERSION,
            "status_callback_urls": [],
            "extensions": {},
        }

    def _prepared(self, method: str, path: str, body: Any = None) -> Call:
        token = self._token.read()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Call(method=method, path=path, headers=headers, body=body, repeatable=method == "GET")

    def _call(self, method: str, path: str, body: Any = None, *, missing: bool = False) -> Answered:
        answer = self._wire.send(self._prepared(method, path, body))
        return answer if missing and answer.status == 404 else self._read(answer)

    def _read(self, answer: Answered) -> Answered:
        """An answer that is one, and that the processor signed."""
        self._wire.check(answer)
        if self._settings.domain and answer.header("x-opendsr-processor-domain") != self._settings.domain:
            raise errors.NotNow("opendsr_other_domain", expected=self._settings.domain)
        if self._certificate is not None:
            self._verify(answer, self._certificate)
        return answer

    def _verify(self, answer: Answered, path: Path) -> None:
        key = self._key(path)
        try:
            signature = base64.b64decode(answer.header("x-opendsr-signature"), validate=True)
            key.verify(signature, answer.body, padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):
            raise errors.NotNow("opendsr_bad_signature", expected="a signature by its certificate") from None

    def _key(self, path: Path) -> rsa.RSAPublicKey:
        try:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
        except (OSError, ValueError):
            raise errors.Undeliverable(
                "opendsr_bad_certificate", expected="a PEM file", got=path.name
            ) from None
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or self._settings.domain not in _named(certificate):
            raise errors.Undeliverable(
                "opendsr_bad_certificate", expected="an RSA key for the domain", got=path.name
            )
        return key

    def _decode(self, answer: Answered, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.DecodeError:
            raise errors.NotNow("answer_unreadable", expected=kind.__name__.strip("_")) from None


def request_id(errand: Errand) -> str:
    """The request's id: a version 4 UUID by its form, the same for the same errand."""
    made = hashlib.sha256(f"opendsr\0{errand.request}\0{errand.kind}".encode()).digest()
    return str(uuid.UUID(bytes=made[:16], version=4))


def _named(certificate: x509.Certificate) -> set[str]:
    """The domains that a certificate names."""
    names = {str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return names
    return names | set(extension.value.get_values_for_type(x509.DNSName))
