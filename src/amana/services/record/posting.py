"""The post office of a workspace: its relay, its signature and its provider of texts, made from what it names.

Rule. Secrets are read from the files that the workspace names, never from it; a file that others than its owner can
read is refused. Whoever has a `Post` can send; there is one for each process, and closing it gives back its connections.
"""

from __future__ import annotations

import stat
from pathlib import Path

from amana import errors
from amana.core import mailing
from amana.delivery import verp
from amana.delivery.composing import Signer
from amana.delivery.texting import Provider, Twilio
from amana.delivery.transport import Relay, Transport
from amana.services.record.house import House


class Post:
    """What sending needs. Any number of threads may use one."""

    def __init__(self, house: House, mail: mailing.Mail, provider: Provider | None = None) -> None:
        self.mail = mail
        self.answers = house.workspace.answers
        password = secret(house, mail.password_file) if mail.password_file else ""
        self.transport = Transport(
            Relay(
                host=mail.host,
                port=mail.port,
                security=mail.security,
                user=mail.user,
                password=password,
                hostname=self.domain,
            )
        )
        self._signer: Signer | None = None
        if mail.dkim_key_file:
            key = secret(house, mail.dkim_key_file).encode()
            self._signer = Signer(mail.dkim_domain, mail.dkim_selector, key)
        self.provider = provider

    @property
    def domain(self) -> str:
        """The domain of our sender, for message ids and lists."""
        return self.mail.sender.rpartition("@")[2]

    def return_path(self, token: str) -> str:
        """Where a bounce of this message goes."""
        return verp.address(self.answers.address, token) if self.answers else self.mail.sender

    def signed(self, message: bytes) -> bytes:
        """The message with our signature, if we have one."""
        return message if self._signer is None else self._signer.sign(message)

    def close(self) -> None:
        """Give back connections."""
        self.transport.close()


def open_post(house: House) -> Post:
    """The post office of a workspace. Raises BadWorkspace without [mail], BadSettings for a secret that is not there."""
    mail, texts = house.workspace.mail, house.workspace.sms
    if mail is None:
        raise errors.BadWorkspace(
            "The workspace does not say how mail leaves",
            expected="[mail] with sender and host",
            remedy="add it to amana.toml; see docs/delivery.md",
        )
    provider = (
        Twilio(texts.url, texts.account, secret(house, texts.token_file), texts.sender) if texts else None
    )
    return Post(house, mail, provider)


def secret(house: House, name: str) -> str:
    """The text of a secret's file, without its line end. Raises BadSettings."""
    path = house.folder / Path(name)
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8").strip()
    except OSError as missing:
        raise errors.BadSettings(
            "A secret's file cannot be read", expected="a file that the workspace names", remedy="make it"
        ) from missing
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise errors.BadSettings(
            "A secret's file is open to others than its owner", remedy="run `chmod 600` on it"
        )
    return text
