"""The gate's doorman: which sender sends for what, and the service behind each of the gate's questions.

Rule. A credential's password stands in a file of its own; a name that nobody has takes as long to refuse as a wrong
password. What a credential says counts before what a sender's address says. A workspace with one brand needs not be told
which.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from amana.core import mailing
from amana.core.vocabulary import Channel
from amana.delivery.gate import Carried, Errand, GateHandler, Refused
from amana.delivery.listening import Listener, tls_context
from amana.delivery.raw import Raw
from amana.services.gate.asking import Inquiry
from amana.services.messaging.relaying import Relaying
from amana.services.record.house import House
from amana.services.record.posting import Post, secret

SWITCH = 0.0005  # seconds after which a thread lets others go on: many wait for short answers here


class WorkspaceDoorman:
    """The doorman of one workspace."""

    def __init__(self, house: House, post: Post, gate: mailing.MailGate) -> None:
        self._gate = gate
        self._relaying = Relaying(house, post)
        self._passwords = {name: secret(house, user.password_file) for name, user in gate.users.items()}
        self._decoy = house.random(24).hex()
        brands = list(house.workspace.brands)
        self._only_brand = brands[0] if len(brands) == 1 else ""

    def admits(self, user: str, password: str) -> bool:
        """Whether this is a sender's name and password."""
        held = self._passwords.get(user, self._decoy)
        return hmac.compare_digest(held.encode(), password.encode()) and user in self._passwords

    def placed(self, user: str, sender: str) -> Errand:
        """What a credential, else a sender's address, sends for."""
        named = self._gate.users.get(user)
        mapped = self._gate.senders.get(sender.lower())
        if named is not None:
            same = mapped is not None and mapped.brand == named.brand
            return Errand(
                brand=named.brand, purpose=named.purpose or (mapped.purpose if same and mapped else "")
            )
        if mapped is not None:
            return Errand(brand=mapped.brand, purpose=mapped.purpose)
        return Errand(brand=self._only_brand)

    def asked(self, errand: Errand, recipient: str) -> Refused | None:
        """Why somebody may not be written to now."""
        inquiry = Inquiry(brand=errand.brand, purpose=errand.purpose, channel=Channel.EMAIL)
        return self._relaying.asked(inquiry, recipient)

    def carry(
        self, errand: Errand, message: Raw, content: bytes, recipients: Sequence[str], *, partial: bool
    ) -> Carried:
        """Send a copy to each who may have it."""
        return self._relaying.carry(errand, message, content, recipients, partial=partial)


def listener(house: House, post: Post, gate: mailing.MailGate) -> Listener:
    """The gate, ready to be entered. Raises BadSettings for a certificate or a password that is not there."""
    place = mailing.place(gate.listen)
    tls = (
        tls_context(house.folder / gate.tls_cert_file, house.folder / gate.tls_key_file)
        if gate.tls_cert_file
        else None
    )
    handler = GateHandler(WorkspaceDoorman(house, post, gate), names_required=bool(gate.users))
    return Listener(
        place,
        handler,
        most_bytes=gate.most_bytes,
        tls=tls,
        authenticator=handler.authenticator,
        auth_require_tls=not mailing.is_loopback(place[0]),
    )
