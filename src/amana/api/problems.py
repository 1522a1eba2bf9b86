"""Problems: every error over HTTP is `application/problem+json` (RFC 9457), and this is the one table of statuses.

Rule. A problem says what an error of the command line says: code, what, expected, got, remedy. Codes are stable, words
are not. A word that is none of a fixed few is refused with those few. What a caller sent is never repeated, so that a
personal value never stands in an answer or a log. A defect is a 500 with nothing but its request's id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.exceptions import HTTPException

from amana import errors
from amana.core import closed_words

STATUS: dict[type[errors.AmanaError], int] = {
    errors.BadInput: 400,
    errors.UnregisteredField: 400,
    errors.BadWorkspace: 503,
    errors.BadLaw: 503,
    errors.BadSettings: 503,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NoticeChanged: 409,
    errors.Busy: 429,
    errors.NotNow: 503,
    errors.Undeliverable: 503,
    errors.VerificationFailed: 503,
    errors.LedgerBroken: 503,
    errors.KeyMissing: 404,  # the person was erased; a missing store is seen at the start
    errors.StoreOutdated: 503,
}

CODES = {
    400: "bad_input",
    401: "no_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    500: "error",
}
"""Codes of problems that HTTP itself has, by status."""

MEDIA = "application/problem+json"
_BAD_WORD = "Invalid enum value"  # as msgspec says it
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error."""

    type: str  # urn:amana:problem:<code>
    title: str
    status: int
    code: str
    detail: str = ""
    expected: str = ""
    got: str = ""
    remedy: str = ""
    instance: str = ""  # the request's id


def of_error(error: errors.AmanaError, instance: str = "") -> Problem:
    """The problem of one of the product's errors."""
    status = next(STATUS[kind] for kind in (*type(error).__mro__, errors.BadInput) if kind in STATUS)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # what is wrong inside is not the caller's business
        return plain(status, error.code, instance=instance)
    return Problem(
        type=f"urn:amana:problem:{error.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=error.code,
        detail=error.what,
        expected=error.expected,
        got=error.got,
        remedy=error.remedy,
        instance=instance,
    )


def of_http(error: HTTPException, instance: str = "", types: Mapping[str, Any] | None = None) -> Problem:
    """The problem of a refusal that HTTP itself knows.

    `types` are the types of what the route takes, by name; the body's is called `data`.
    """
    status = error.status_code
    problem = plain(status, CODES.get(status, "error"), _without_values(error), instance=instance)
    return msgspec.structs.replace(problem, expected=_allowed(error, types or {}))


def plain(status: int, code: str = "", detail: str = "", *, instance: str = "") -> Problem:
    """A problem with nothing but its status and a sentence."""
    code = code or CODES.get(status, "error")
    return Problem(
        type=f"urn:amana:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        instance=instance,
    )


def malformed(bad: Exception, kind: Any) -> errors.BadInput:
    """The refusal of a body that is not what it should be, a `kind`, without the value."""
    return errors.BadInput(
        "The body does not have the expected form",
        expected=", ".join(closed_words.of_refusal(str(bad), kind)),
        got=_QUOTED.sub("…", str(bad)),
        remedy="see /schema/openapi.json",
    )


def _allowed(error: HTTPException, types: Mapping[str, Any]) -> str:
    """The words that may stand where a refusal found another: `kind: access, erasure`; nothing for other refusals."""
    extra: Any = error.extra
    said = []
    for one in extra if isinstance(extra, list) else ():
        if not isinstance(one, dict) or not str(one.get("message", "")).startswith(_BAD_WORD):
            continue
        name = str(one.get("key", "")).rpartition(".")[2].partition("[")[0]
        inside = name not in types or one.get("source") == "body"
        words = closed_words.at(name, types.get("data")) if inside else closed_words.of_type(types[name])
        if words:
            said.append(f"{name}: {', '.join(words)}")
    return "; ".join(said)


def _without_values(error: HTTPException) -> str:
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    extra: Any = error.extra
    found = [str(one.get("message", "")) for one in extra if isinstance(one, dict)] if extra else []
    if error.status_code == HTTPStatus.BAD_REQUEST:
        said = _QUOTED.sub("…", "; ".join(found))
        return said if any(map(str.isalpha, said)) else "The request does not have the expected form"
    return error.detail


def where(defect: BaseException) -> str:
    """The last place in a traceback: file and line, no values."""
    trace = defect.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
