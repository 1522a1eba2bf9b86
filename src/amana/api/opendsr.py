"""OpenDSR 2.0: controllers hand requests to this workspace as their processor, as the specification describes it.

Rule.
- The routes are the specification's, under `/opendsr/v2`; they exist where the workspace has an [opendsr] section.
  `/discovery` and the certificate need no key, the others one with the scope `request`.
- Answers to requests are signed over their bytes and name our domain, refusals of what was sent among them. A refusal
  has the specification's error object and repeats no value.
- The body of a request comes back encoded in the answer, as the specification wants; it is neither logged nor stored.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath

from amana import errors
from amana.api.desk import Desk
from amana.api.guarding import AnyRequest, TheDesk, caller_of, needs
from amana.core import opendsr as form
from amana.services.record.api_keys import Caller
from amana.services.record.house import House
from amana.services.rights import opendsr

BASE = "/opendsr/v2"
_encode = msgspec.json.Encoder().encode


@get(f"{BASE}/discovery", include_in_schema=False)
async def discovery(desk: TheDesk) -> Response[bytes]:
    """What this processor understands."""

    def work() -> Response[bytes]:
        here = opendsr.processor(desk.house)
        found = form.discovery(f"https://{here.domain}{BASE}/certificate.pem")
        return _signed(desk.house, found, HTTPStatus.OK)

    return await desk.run(work)


@get(f"{BASE}/certificate.pem", include_in_schema=False)
async def certificate(desk: TheDesk) -> Response[bytes]:
    """The certificate that signatures are checked with."""
    found = await desk.run(opendsr.certificate, desk.house)
    return Response(found, media_type="application/x-pem-file")


@post(f"{BASE}/requests", include_in_schema=False, guards=[needs("request")])
async def take(request: AnyRequest, desk: TheDesk) -> Response[bytes]:
    """Take a request."""
    body, caller = await request.body(), caller_of(request)

    def work() -> tuple[dict[str, Any], HTTPStatus]:
        held = opendsr.take(desk.house, caller, form.read(body))
        told = {
            "controller_id": held.controller,
            "expected_completion_time": opendsr.stamp(held.row.due),
            "received_time": opendsr.stamp(desk.house.clock()),
            "encoded_request": base64.b64encode(body).decode(),
            "subject_request_id": held.id,
        }
        return told, HTTPStatus.CREATED

    return await _answered(desk, work)


@get(f"{BASE}/requests/{{number:str}}", include_in_schema=False, guards=[needs("request")])
async def status(request: AnyRequest, number: FromPath[str], desk: TheDesk) -> Response[bytes]:
    """How a request stands."""
    caller = caller_of(request)

    def work() -> tuple[dict[str, Any], HTTPStatus]:
        held = opendsr.held(desk.house, caller, number)
        return opendsr.status(desk.house, held), HTTPStatus.OK

    return await _answered(desk, work)


@delete(
    f"{BASE}/requests/{{number:str}}", include_in_schema=False, guards=[needs("request")], status_code=202
)
async def cancel(request: AnyRequest, number: FromPath[str], desk: TheDesk) -> Response[bytes]:
    """Take a request back."""
    caller = caller_of(request)
    return await _answered(desk, lambda: _cancelled(desk.house, caller, number))


def _cancelled(house: House, caller: Caller, number: str) -> tuple[dict[str, Any], HTTPStatus]:
    held = opendsr.cancel(house, caller, number)
    told = {
        "controller_id": held.controller,
        "received_time": opendsr.stamp(house.clock()),
        "subject_request_id": held.id,
        "api_version": form.VERSION,
    }
    return told, HTTPStatus.ACCEPTED


async def _answered(desk: Desk, work: Callable[[], tuple[dict[str, Any], HTTPStatus]]) -> Response[bytes]:
    """The signed answer to some work, or to what could not be done."""

    def whole() -> Response[bytes]:
        opendsr.processor(desk.house)
        try:
            told, code = work()
        except (errors.BadInput, errors.Conflict) as refused:
            told, code = _error(refused), HTTPStatus.BAD_REQUEST
        return _signed(desk.house, told, code)

    return await desk.run(whole)


def _error(refused: errors.AmanaError) -> dict[str, Any]:
    """The specification's error object (its section 7.6)."""
    detail = {"domain": "Validation", "reason": refused.code, "message": refused.sentence()}
    return {"error": {"code": int(HTTPStatus.BAD_REQUEST), "message": refused.what, "errors": [detail]}}


def _signed(house: House, told: dict[str, Any], code: HTTPStatus) -> Response[bytes]:
    body = _encode(told)
    return Response(
        body, status_code=code, media_type="application/json", headers=opendsr.signed(house, body)
    )


ROUTES = (discovery, certificate, take, status, cancel)
