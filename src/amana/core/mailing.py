"""How messages leave and come back, as the workspace file says it: [mail], [sms], [gate], [answers], [reports].

Rule. Addresses, hosts and names stand here; secrets never do. A password or a key stands in a file of its own, named by a
path that is relative to the workspace folder, and readable by its owner alone. Outgoing mail is encrypted unless it goes
to this machine. The gate asks for a name and a password, over TLS, unless it listens to this machine alone. A purpose
that nobody names is none: what the gate cannot place it refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address

import msgspec

from amana import errors

SECURITIES = ("starttls", "tls", "none")
MOST_BYTES = 10_000_000


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The relay that takes our mail, and the sender that people see."""

    sender: str  # address in From
    host: str = "localhost"
    port: int = 25
    security: str = "starttls"  # starttls | tls | none; none only to this machine
    user: str = ""
    password_file: str = ""
    dkim_domain: str = ""
    dkim_selector: str = ""
    dkim_key_file: str = ""  # RSA private key, PEM


class Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where bounces, complaints and answers come in."""

    address: str  # a mailbox that takes address+anything@
    listen: str = ""  # host:port of the listener for LMTP or SMTP; "" for none
    protocol: str = "lmtp"  # lmtp | smtp
    imap_host: str = ""
    imap_port: int = 993
    imap_user: str = ""
    imap_password_file: str = ""
    imap_folder: str = "INBOX"


class Texting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider of text messages."""

    account: str
    token_file: str
    sender: str  # number or sender id
    url: str = "https://api.twilio.com"
    brands: dict[
        str, str
    ] = {}  # our number to the brand that uses it; a number not named here speaks for all


class GateUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credential of a sending system: what it may send for."""

    password_file: str
    brand: str
    purpose: str = ""  # "": said by the message's header


class GateSender(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sender's address sends for."""

    brand: str
    purpose: str


class MailGate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SMTP gate that any sending system may point at."""

    listen: str = "127.0.0.1:2525"
    tls_cert_file: str = ""
    tls_key_file: str = ""
    most_bytes: int = MOST_BYTES
    users: dict[str, GateUser] = {}
    senders: dict[str, GateSender] = {}  # by address, lower case


class Reporter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a provider's reports are known to be its own: `[reports.<provider>]`."""

    secret_file: str = (
        ""  # token (twilio), verification key (sendgrid), password (postmark), app secret (whatsapp)
    )
    user: str = ""  # of basic authentication (postmark)
    topic: str = ""  # Amazon Resource Name of the topic (ses)
    url: str = ""  # the whole address that the provider was given, where a proxy changes it (twilio)


REPORTERS: dict[str, tuple[str, ...]] = {
    "ses": ("topic",),
    "sendgrid": ("secret_file",),
    "postmark": ("user", "secret_file"),
    "twilio": ("secret_file",),
    "whatsapp": ("secret_file",),
}
"""What each provider's section needs to say."""


def check_reports(reports: Mapping[str, Reporter]) -> None:
    """Refuse a section that proves nothing. Raises BadWorkspace."""
    for name, held in reports.items():
        needed = REPORTERS.get(name)
        if needed is None:
            raise errors.BadWorkspace(
                f"reports.{name} is no provider whose reports are signed",
                expected=f"one of: {', '.join(REPORTERS)}",
                remedy="mend the name",
            )
        if not all(getattr(held, part) for part in needed):
            raise errors.BadWorkspace(
                f"reports.{name} is incomplete", expected=" and ".join(needed), remedy="add it"
            )


def check(
    mail: Mail | None, gate: MailGate | None, brands: Collection[str], purposes: Collection[str]
) -> None:
    """Refuse what contradicts the module's rule. Raises BadWorkspace with the place and the remedy."""
    if mail is not None:
        _check_mail(mail)
    if gate is not None:
        _check_gate(gate, brands, purposes)


def place(listen: str) -> tuple[str, int]:
    """Host and port of `host:port`. Raises BadWorkspace."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise errors.BadWorkspace(
            "A listener's place cannot be read", expected="host:port", remedy="write it like 127.0.0.1:2525"
        )
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its spelling alone; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_mail(mail: Mail) -> None:
    if mail.security not in SECURITIES:
        raise errors.BadWorkspace(
            "mail.security is not known", expected=" | ".join(SECURITIES), got=mail.security, remedy="mend it"
        )
    if mail.security == "none" and not is_loopback(mail.host):
        raise errors.BadWorkspace(
            "mail.security is none, and mail.host is another machine",
            expected="an encrypted connection",
            remedy='set security = "starttls" or "tls"',
        )
    named = [bool(part) for part in (mail.dkim_domain, mail.dkim_selector, mail.dkim_key_file)]
    if any(named) and not all(named):
        raise errors.BadWorkspace(
            "mail.dkim_* is incomplete", expected="domain, selector and key file", remedy="give all three"
        )


def _check_gate(gate: MailGate, brands: Collection[str], purposes: Collection[str]) -> None:
    host, _ = place(gate.listen)
    if not is_loopback(host) and not (gate.users and gate.tls_cert_file and gate.tls_key_file):
        raise errors.BadWorkspace(
            "The gate listens to other machines without names or without encryption",
            expected="gate.users, gate.tls_cert_file and gate.tls_key_file",
            remedy="add them, or listen on 127.0.0.1",
        )
    named = [(name, user.brand, user.purpose) for name, user in gate.users.items()]
    named += [(name, sender.brand, sender.purpose) for name, sender in gate.senders.items()]
    for where, brand, purpose in named:
        if brand not in brands or (purpose and purpose not in purposes):
            raise errors.BadWorkspace(
                f"gate: {where} names a brand or purpose that the workspace lacks", remedy="mend the name"
            )
