"""Sending: the workers of the tasks `mail`, `sms` and `mailing`.

Rule. Each message follows from its task: its Message-ID from the task's key, its words from its template, its address
from the person's sealed contact points in the moment of sending. A task is finished after the relay took the message.
SMTP cannot do more: if the process dies between the relay's 250 and that commit, nobody knows whether the message left. A
service message then goes out again, under the same Message-ID; marketing does not, because once too few is better than
once too many. No message starts when the lease of its task is half over, so that two workers never send one at once.
Service messages answer what somebody asked for and need no permit; marketing goes through `relaying`, with a permit
each, whether it was passed on by the gate or is a mailing's.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from amana import errors
from amana.core.contact_points import normalise_email
from amana.delivery import composing, letters, raw
from amana.delivery.composing import Outgoing
from amana.delivery.gate import Errand, Refused
from amana.delivery.letters import Letter
from amana.delivery.stamping import Stamp
from amana.ledger import sealing
from amana.services.messaging.mailings import Mailer
from amana.services.messaging.relaying import Relaying
from amana.services.record import links, receipts, tasks, tokens
from amana.services.record.house import House
from amana.services.record.posting import Post
from amana.services.record.writing import Session, point_context
from amana.services.rights import rights_telling
from amana.storage import points
from amana.storage.mailings import HEAD
from amana.storage.tasks import NOT_REPEATED, TaskRow

RETURN = "return"
"""The kind of token in a service message's return path: it names a contact point to us, and opens no page."""

AT_ONCE = 4  # tasks claimed together: few, so that the lease outlasts them
MESSAGES = ("confirm", "step_up", "turned_on", "receipt", *rights_telling.TEMPLATES)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a task: what capture, the pages and `queue` write."""

    template: str
    brand: str
    point: int = -1
    language: str = "en"
    token: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # purpose, channel
    entries: tuple[int, ...] = ()  # log positions, for receipts
    purpose: str = ""  # of marketing
    recipient: str = ""
    content: str = ""  # base64 of a whole message
    told: dict[str, str] = {}  # what a letter about a request is filled with
    lines: tuple[str, ...] = ()  # and its list
    link: str = ""  # and where it leads


class Sender:
    """The workers of one process. Any number of threads may use one."""

    def __init__(self, house: House, post: Post) -> None:
        self._house, self._post = house, post
        self._relaying = Relaying(house, post)
        self._mailer = Mailer(house, post, self._relaying)

    def work(self) -> int:
        """Claim a few due tasks and do them; how many were claimed."""
        return tasks.work(self._house, self.workers(), AT_ONCE)

    def workers(self) -> dict[str, tasks.Worker]:
        """The worker of each kind of task that can be done here."""
        found: dict[str, tasks.Worker] = {"mail": self.mail, HEAD: self._mailer.work}
        if self._post.provider is not None:
            found["sms"] = self.sms
        return found

    def mail(self, _house: House, row: TaskRow, payload: Mapping[str, Any]) -> None:
        """Send one mail. Raises NotNow or Undeliverable."""
        job = msgspec.convert(payload, Job)
        if job.template == "passed_on":
            self._passed_on(row, job)
        elif job.template in MESSAGES:
            self._service(row, job)
        else:
            raise errors.Undeliverable("template_unknown")

    def sms(self, _house: House, row: TaskRow, payload: Mapping[str, Any]) -> None:
        """Send one text. Raises NotNow or Undeliverable."""
        job = msgspec.convert(payload, Job)
        provider = self._post.provider
        if provider is None:
            raise errors.NotNow("sms_no_provider")
        provider.send(self._address(row.person, job.point), self._text(job), row.key)

    # ---- the kinds of mail ---------------------------------------------------------------------------------------

    def _service(self, row: TaskRow, job: Job) -> None:
        recipient = self._address(row.person, job.point)
        letter = self._letter(job)
        message = composing.compose(
            Outgoing(
                sender=self._post.mail.sender,
                sender_name=self._brand(job.brand),
                recipient=recipient,
                message_id=composing.message_id(row.key, self._post.domain),
                date=self._house.clock(),
                language=letter.language,
                subject=letter.subject,
                text=letters.text(letter),
                html=letters.html(letter),
                headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no machine answers
                attachments=self._receipts(job),
            )
        )
        back = self._house.writing().write(
            lambda session: tokens.make(
                self._house, session, RETURN, row.person, data={"point": job.point, "brand": job.brand}
            )
        )
        self._post.transport.send(self._post.return_path(back), recipient, self._post.signed(message))

    def _receipts(self, job: Job) -> dict[str, bytes]:
        """The receipts of a job's entries, by file name."""
        made = receipts.many(self._house, job.entries) if job.entries else []
        return {f"receipt-{number}.txt": text.encode() for number, text in enumerate(made, start=1)}

    def _passed_on(self, row: TaskRow, job: Job) -> None:
        self._carry(row, job, base64.b64decode(job.content), job.recipient)

    def _carry(self, row: TaskRow, job: Job, content: bytes, recipient: str) -> None:
        stamp = Stamp(raw.read(content), content + row.key.encode())
        inquiry = self._relaying.inquiry(Errand(brand=job.brand, purpose=job.purpose), stamp)
        target = self._relaying.target(recipient, inquiry)
        if isinstance(target, Refused):
            raise _refusal(target)
        if self._relaying.had([stamp], [target], row.due):
            raise errors.Undeliverable(
                NOT_REPEATED
            )  # an attempt redeemed a permit, and nobody heard of its end
        outcome = self._relaying.send(stamp, inquiry, target)
        if outcome.later:
            raise errors.NotNow(outcome.code, after=outcome.after)
        if outcome.code:
            raise errors.Undeliverable(outcome.code)

    # ---- words and addresses -------------------------------------------------------------------------------------

    def _letter(self, job: Job) -> Letter:
        language = letters.known(job.language)
        spoken = letters.words(language)
        words: dict[str, str] = getattr(spoken, job.template)
        filled = job.told | {
            "brand": self._brand(job.brand),
            "entries": ", ".join(str(one) for one in job.entries),
        }
        return Letter(
            language=language,
            subject=words["subject"].format(**filled),
            title=words["title"],
            paragraphs=(words["body"].format(**filled),),
            points=(*(self._choice(spoken, language, *choice) for choice in job.choices), *job.lines),
            button=words["button"],
            link=self._link(job, language),
            small=(words["small"], self._sender_line(spoken)),
        )

    def _link(self, job: Job, language: str) -> str:
        """The page that a service message leads to."""
        if job.link:
            return job.link
        pages = {"confirm": links.confirm, "step_up": links.step_up}
        if job.template in pages:
            return pages[job.template](self._house, job.token, language)
        return links.of_token(self._house, job.token, language).preferences

    def _choice(self, spoken: letters.Words, language: str, purpose: str, channel: str) -> str:
        notice = self._house.workspace.notices[self._house.workspace.purposes[purpose].notice]
        wording = notice.text.get(language) or next(iter(notice.text.values()))
        return f"{spoken.channel[channel]}: {wording}"

    def _text(self, job: Job) -> str:
        words = letters.words(job.language).text
        template = {"confirm": "code"}.get(job.template, job.template)
        if template not in words:
            raise errors.Undeliverable("template_unknown")
        return words[template].format(
            **job.told,
            brand=self._brand(job.brand),
            code=job.token,
            link=self._link(job, letters.known(job.language)),
            contact=self._house.workspace.organisation.contact,
        )

    def _sender_line(self, spoken: letters.Words) -> str:
        organisation = self._house.workspace.organisation
        parts = (
            organisation.name,
            organisation.address,
            spoken.footer["contact"].format(contact=organisation.contact),
        )
        return " · ".join(part for part in parts if part)

    def _brand(self, brand: str) -> str:
        return self._house.workspace.brands[brand].name

    def _address(self, person: int, ordinal: int) -> str:
        """The address of a contact point. Raises Undeliverable if it is not there any more."""
        with self._house.database.read() as connection:
            held = points.of_people(connection, [person]).get(person, [])
        row = next((one for one in held if one.ordinal == ordinal), None)
        if row is None:
            raise errors.Undeliverable("address_gone")
        key = self._house.keys.keys([person])[person]
        return sealing.unwrap(key, row.sealed, point_context(person, ordinal)).decode()


def queue(house: House, session: Session, kind: str, key: str, person: int, job: Job) -> bool:
    """Add a message in a session's transaction; False if one with this key exists. `kind` is mail or sms."""
    payload: dict[str, Any] = msgspec.to_builtins(job)
    return tasks.add(house, session, kind, key, person, payload)


def send_test(house: House, post: Post, address: str, language: str) -> None:
    """Send one message to an address of one's own. Raises BadInput for no address, NotNow, Undeliverable."""
    email = normalise_email(address)
    words = letters.words(language)
    brand = next(iter(house.workspace.brands.values())).name
    letter = Letter(
        language=letters.known(language),
        subject=words.test["subject"].format(brand=brand),
        title=words.test["title"],
        paragraphs=(words.test["body"],),
        small=(words.test["small"],),
    )
    message = composing.compose(
        Outgoing(
            sender=post.mail.sender,
            sender_name=brand,
            recipient=email.address,
            message_id=composing.message_id(house.random(12).hex(), post.domain),
            date=house.clock(),
            language=letter.language,
            subject=letter.subject,
            text=letters.text(letter),
            html=letters.html(letter),
        )
    )
    post.transport.send(post.mail.sender, email.address, post.signed(message))


def _refusal(refused: Refused) -> errors.AmanaError:
    return errors.NotNow(refused.code) if refused.later else errors.Undeliverable(refused.code)
