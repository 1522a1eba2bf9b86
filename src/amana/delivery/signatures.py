"""Signatures of providers' reports: what proves that a report is the provider's own.

Rule. Each check raises VerificationFailed and returns nothing; comparisons take the same time whatever is wrong. The body
is checked as it came, byte for byte, before anything of it is read. Amazon's certificate is fetched only from an address
of Amazon's own, over TLS, without redirects, and kept.

Sources: Twilio, "Webhooks security"; SendGrid, "Event webhook security features" (ECDSA over timestamp and body);
Postmark, "Protecting your webhook" (basic authentication); Meta, "Webhooks: validate payloads" (X-Hub-Signature-256);
Amazon SNS, "Verifying the signatures of messages" (versions 1 and 2).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from amana import errors

PATIENCE = 10  # seconds
LARGEST = 20_000  # octets of a certificate
AMAZON = re.compile(
    r"https://sns\.[a-z]{2,4}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?/[A-Za-z0-9_.-]{1,200}\.pem\Z"
)
"""Where Amazon keeps the certificates that it signs notifications with: `sns` in a region, and nothing that looks like
one. `sns.s3-….amazonaws.com` would be what somebody stored under the name `sns`."""

_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303  version 1 is Amazon's own choice

Fetch = Callable[[str], bytes]
"""Gives the certificate at an address that was checked; raises NotNow."""


def twilio(address: str, form: Mapping[str, str], signature: str, token: str) -> None:
    """HMAC-SHA1 over the address and the sorted form. Raises VerificationFailed."""
    text = address + "".join(name + form[name] for name in sorted(form))
    made = base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1"))
    _same(made, signature.encode("utf-8", "replace"))


def sendgrid(body: bytes, timestamp: str, signature: str, key: str) -> None:
    """ECDSA over timestamp and body, under the key that the provider shows. Raises VerificationFailed, BadSettings."""
    try:
        public = serialization.load_der_public_key(base64.b64decode(key, validate=True))
    except (ValueError, binascii.Error) as bad:
        raise _unusable() from bad
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise _unusable()
    try:
        signed = base64.b64decode(signature, validate=True)
        public.verify(signed, timestamp.encode("latin-1", "replace") + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise _wrong() from None


def postmark(authorization: str, user: str, password: str) -> None:
    """Basic authentication, as the address that the provider was given holds it. Raises VerificationFailed."""
    scheme, _, given = authorization.partition(" ")
    made = base64.b64encode(f"{user}:{password}".encode())
    if scheme.lower() != "basic":
        raise _wrong()
    _same(made, given.strip().encode("utf-8", "replace"))


def meta(body: bytes, header: str, secret: str) -> None:
    """HMAC-SHA256 over the body, under the app's secret. Raises VerificationFailed."""
    made = "sha256=" + hmac.digest(secret.encode(), body, sha256).hex()
    _same(made.encode(), header.encode("utf-8", "replace"))


def amazon(said: Mapping[str, Any], topic: str, fetch: Fetch) -> None:
    """The signature of a notification of one topic. Raises VerificationFailed, NotNow."""
    place, kind = said.get("SigningCertURL"), said.get("Type")
    names = _NOTIFICATION if kind == "Notification" else _CONFIRMATION
    chosen = _HASHES.get(str(said.get("SignatureVersion")))
    if (
        said.get("TopicArn") != topic
        or not isinstance(place, str)
        or not AMAZON.match(place)
        or chosen is None
    ):
        raise _wrong()
    text = "".join(f"{name}\n{said[name]}\n" for name in names if said.get(name) is not None)
    try:
        public = x509.load_pem_x509_certificate(fetch(place)).public_key()
        signature = base64.b64decode(str(said.get("Signature")), validate=True)
    except ValueError:
        raise _wrong() from None
    if not isinstance(public, rsa.RSAPublicKey):
        raise _wrong()
    try:
        public.verify(signature, text.encode("utf-8", "replace"), padding.PKCS1v15(), chosen)
    except InvalidSignature:
        raise _wrong() from None


@lru_cache(maxsize=16)
def certificate(place: str) -> bytes:
    """The certificate at an address of Amazon's. Raises NotNow, VerificationFailed for any other address."""
    if not AMAZON.match(place):
        raise _wrong()
    try:
        with _opener.open(place, timeout=PATIENCE) as answer:
            found: bytes = answer.read(LARGEST)
    except (OSError, urllib.error.HTTPError, http.client.HTTPException):
        raise errors.NotNow("certificate_unreachable") from None
    return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Another address is not Amazon's."""


_opener = urllib.request.build_opener(_NoRedirect)


def _same(made: bytes, given: bytes) -> None:
    if not hmac.compare_digest(made, given):
        raise _wrong()


def _wrong() -> errors.VerificationFailed:
    return errors.VerificationFailed("The provider's signature does not fit")


def _unusable() -> errors.BadSettings:
    return errors.BadSettings(
        "The provider's key cannot be used", expected="the verification key as it shows it, in base64"
    )
