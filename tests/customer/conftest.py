"""The program as it is started, once for the file, and a real browser where there is one."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from customer_samples import DEFINITION, Company, Relay, free_port, served, taking_mail

from amana import wiring
from amana.services.record import api_keys, publication
from amana.settings import Settings


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A fresh workspace, `amana serve` over it, and the relay that its mail leaves by."""
    folder = tmp_path_factory.mktemp("customer") / "workspace"
    settings = Settings(workspace=folder, actor="test")
    relay, port = Relay(), free_port()
    with taking_mail(relay) as smtp:
        wiring.create(settings, DEFINITION.format(site=f"http://localhost:{port}", port=smtp))
        record = _signing_key(folder / "dkim.pem")
        with served(folder, port), wiring.opened(settings, writing=True) as house:
            yield Company(
                house=house,
                relay=relay,
                port=port,
                key=api_keys.make(house, "shop", ["orchard"], ["decide"]).key,
                log_key=publication.log_key(house).text(),
                dkim_record=record,
            )


@pytest.fixture(scope="session")
def screens() -> Path | None:
    """Where pictures of the pages are kept: the folder that CUSTOMER_SCREENS names, else nowhere."""
    named = os.environ.get("CUSTOMER_SCREENS", "")
    return Path(named) if named else None


def _signing_key(path: Path) -> bytes:
    """Make a key that mail is signed with; its record in the DNS."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
