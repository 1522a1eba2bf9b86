"""What a request leaves behind, over HTTP: the evidence for an authority, and the person's copy.

Rule.
- Both are POSTs, because what is opened is written down before the answer, as the doing of the key. Neither is repeated
  by an `Idempotency-Key`: each fetch is a look of its own.
- The evidence holds no value of the person, and needs the scope `request` alone. Receipts with values need `reveal`, and
  an `X-Amana-Purpose` header that says what for.
- A copy opens everything that was found about a person: it always needs `reveal` and a purpose. It is there from the
  answer until thirty days after it, or until the person is erased; otherwise it is 404, as another brand's request is.
- One document is printed at a time, so that a printer never holds up what people ask. Where this machine cannot print,
  a PDF that was asked for is refused, and everything else is there without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.exceptions import PermissionDeniedException
from litestar.openapi.spec import OpenAPIMediaType, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, HeaderParameter, JSONBody

from amana import errors
from amana.api.desk import Desk
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.api.requests import PATH, theirs
from amana.core.phrases import LANGUAGES
from amana.services.record.api_keys import Caller
from amana.services.rights import copies, evidence_pack

ARCHIVE, PAGE, PDF, JSON = "application/zip", "text/html", "application/pdf", "application/json"
Purpose = Annotated[str, HeaderParameter(name="X-Amana-Purpose", max_length=200)]


class Form(Enum):
    """As what a copy is handed over."""

    ARCHIVE = "archive"  # the page, and each part as JSON and CSV
    PAGE = "page"
    PDF = "pdf"
    JSON = "json"


MEDIA = {Form.ARCHIVE: ARCHIVE, Form.PAGE: PAGE, Form.PDF: PDF, Form.JSON: JSON}
ENDINGS = {ARCHIVE: "zip", PAGE: "html", PDF: "pdf", JSON: "json"}


class PackWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the evidence is wanted."""

    language: str = "en"  # of its page: en, he, ar, th, ru
    values: bool = False  # also receipts that hold values of the person; for a key with `reveal`
    printed: bool = False  # with a PDF of the page


class CopyWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As what the copy is wanted."""

    form: Form = Form.ARCHIVE


@dataclass
class OneArchive(Operation):
    """Describes an answer that is an archive."""

    def __post_init__(self) -> None:
        _describe(self, (ARCHIVE,))


@dataclass
class AnyForm(Operation):
    """Describes an answer whose form was asked for."""

    def __post_init__(self) -> None:
        _describe(self, tuple(MEDIA.values()))


@post(
    f"{PATH}/{{ref:str}}/pack",
    status_code=200,
    guards=[needs("request")],
    security=SECURED,
    responses=answers(),
    operation_class=OneArchive,
)
async def pack(
    request: AnyRequest, ref: FromPath[str], data: JSONBody[PackWanted], desk: TheDesk, purpose: Purpose = ""
) -> Response[bytes]:
    """The evidence of a request for an authority, as an archive: what was done, when, on what ground, with receipts."""
    caller = caller_of(request)
    if data.language not in LANGUAGES:
        raise errors.BadInput(
            "The language is not one of the product", expected=", ".join(LANGUAGES), remedy="choose one"
        )
    if data.values:
        if not caller.may("reveal"):
            raise PermissionDeniedException("This key may not open values of a person")
        _check_purpose(purpose)

    def made() -> evidence_pack.Made:
        row = theirs(desk.house, caller, ref)
        return evidence_pack.make(
            desk.house,
            row,
            actor=f"api:{caller.name}",
            language=data.language,
            values_for=purpose if data.values else "",
        )

    found = await desk.run(made)
    printed = await _printed(desk, lambda: evidence_pack.pdf(found)) if data.printed else b""
    body = await desk.run(lambda: evidence_pack.zipped(found, printed=printed))
    return _handed(body, ARCHIVE, f"{found.pack.ref}-evidence")


@post(
    f"{PATH}/{{ref:str}}/copy",
    status_code=200,
    guards=[needs("request"), needs("reveal")],
    security=SECURED,
    responses=answers(),
    operation_class=AnyForm,
)
async def copy(
    request: AnyRequest, ref: FromPath[str], data: JSONBody[CopyWanted], desk: TheDesk, purpose: Purpose = ""
) -> Response[bytes]:
    """The person's copy of their data, as an archive, a page, a PDF or JSON; who took it, and what for, is recorded."""
    caller = caller_of(request)
    _check_purpose(purpose)
    if data.form is Form.PDF:
        row = await desk.run(theirs, desk.house, caller, ref)
        name, body = (
            row.ref,
            await _printed(desk, lambda: copies.printed(desk.house, row, actor=_actor(caller, purpose))),
        )
    else:
        name, package = await desk.run(_package, desk, caller, ref, purpose)
        body = await desk.run(_WRITTEN[data.form], package)
    return _handed(body, MEDIA[data.form], name)


_WRITTEN: dict[Form, Callable[[copies.Package], bytes]] = {
    Form.ARCHIVE: copies.zipped,
    Form.PAGE: lambda package: copies.page(package).encode(),
    Form.JSON: msgspec.json.encode,
}


def _package(desk: Desk, caller: Caller, ref: str, purpose: str) -> tuple[str, copies.Package]:
    """The reference and the copy of a request of the key's brands; the look is recorded. Raises NotFound, KeyMissing."""
    row = theirs(desk.house, caller, ref)
    return row.ref, copies.package(desk.house, row, actor=_actor(caller, purpose))


def _actor(caller: Caller, purpose: str) -> str:
    """Who looks, and what for, as it is recorded."""
    return f"api:{caller.name}: {purpose}"


async def _printed(desk: Desk, press: Callable[[], bytes]) -> bytes:
    """A PDF, one at a time. Raises NotFound where this machine prints none, Busy when it took too long."""
    async with desk.printer:
        try:
            return await desk.run(press)
        except errors.BadSettings:
            raise errors.NotFound(
                "This machine prints no PDF", remedy="ask without one: the page can be printed"
            ) from None
        except errors.NotNow as slow:
            raise errors.Busy("The printer is busy", remedy="try again, or ask without a PDF") from slow


def _check_purpose(purpose: str) -> None:
    if not purpose.strip():
        raise errors.BadInput(
            "A look at personal data needs to say what for", expected="an X-Amana-Purpose header"
        )


def _handed(body: bytes, media: str, name: str) -> Response[bytes]:
    """A file to keep; its name says the reference and nothing of the person."""
    headers = {"content-disposition": f'attachment; filename="{name}.{ENDINGS[media]}"'}
    return Response(body, media_type=media, headers=headers)


def _describe(operation: Operation, media: tuple[str, ...]) -> None:
    """Say of a route's 200 in which forms it comes. A framework's description knows one form only."""
    found = (operation.responses or {}).get("200")
    if found is None or not hasattr(found, "content"):
        raise errors.BadSettings("A route that hands over files has no 200", remedy="give it a status code")
    text, thing = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.OBJECT)
    found.content = {one: OpenAPIMediaType(schema=thing if one == JSON else text) for one in media}
    found.description = "The file."


ROUTES = (pack, copy)
