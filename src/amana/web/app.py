"""The customer's pages as routes: which address is which page, and what holds for all of them.

Rule.
- GET and HEAD change nothing, for anybody, ever; a change is a POST of a form. No address of ours redirects.
- A page needs no script and no cookie. The one cookie there is belongs to the session of one's own data: no script and no
  other site can read or send it, and its forms carry a word against forgery. One-click leaving has neither.
- A body is at most `LARGEST` bytes. Whoever asks for what is not there gets the same page, whatever the reason.
- Visits are paced (`pacing`), but for whoever leaves. The address that counts is the one that the server in front gives.
- `routes` is mounted by whoever serves; it asks for the open house at each request.
"""

from __future__ import annotations

from collections.abc import Callable
from email.parser import BytesParser
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from litestar import HttpMethod, Request, Response, Router
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from amana import errors
from amana.services.choices import own_data
from amana.services.record import limits
from amana.services.record.house import House
from amana.web import about, centre, confirming, data_use, forms, leaving, mine, rendering, requests
from amana.web import visit as visits
from amana.web.pacing import Pace
from amana.web.visit import Answer, Page, Plain, View, Visit

LARGEST = 32_768  # bytes of a form
MOST_FIELDS = 500
STATUS: dict[type[errors.AmanaError], int] = {
    errors.NotFound: 404,
    errors.KeyMissing: 404,  # the person was erased: as if they had never been here
    errors.BadInput: 400,
    errors.Conflict: 409,
    errors.Busy: 503,
}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One address."""

    path: str
    get: View | None = None
    post: View | None = None
    paced: Literal["visit", "word", "form", "never"] = "visit"  # what counts before it is looked at


def style(visit: Visit) -> Answer:
    """The stylesheet."""
    return Plain(body=rendering.asset("amana.css"), media="text/css", cached=86_400, shared=True)


def script(visit: Visit) -> Answer:
    """The script that puts a form on another site."""
    return Plain(body=rendering.asset("amana.js"), media="text/javascript", cached=86_400, shared=True)


def brand_style(visit: Visit) -> Answer:
    """A brand's two variables."""
    brand = visit.house.workspace.brands.get(visit.part.removesuffix(".css"))
    if brand is None:
        raise visits.gone()
    sheet = rendering.brand_sheet(brand.colour or rendering.BRAND)
    return Plain(body=sheet, media="text/css", cached=86_400, shared=True)


ROUTES = (
    Route(path="/f/{part:str}", get=forms.show, post=forms.send, paced="form"),
    Route(path="/f/{part:str}/embed", get=forms.embedded),
    Route(path="/f/{part:str}/qr.svg", get=forms.code),
    Route(path="/c/{part:str}", get=confirming.show, post=confirming.confirm, paced="word"),
    Route(path="/k/{part:str}", get=confirming.ask_code, post=confirming.take_code, paced="word"),
    Route(path="/p/{part:str}", get=centre.show, post=centre.change, paced="never"),
    Route(path="/p/{part:str}/why", get=centre.why, paced="never"),
    Route(path="/p/{part:str}/link", get=centre.show, post=centre.ask_link, paced="form"),
    Route(path="/u/{part:str}", get=leaving.show, post=leaving.leave, paced="never"),
    Route(path="/s/{part:str}", get=mine.link, post=mine.enter, paced="word"),
    Route(path="/me", get=mine.show, post=mine.correct, paced="word"),
    Route(path="/me/data", get=data_use.show, post=data_use.change, paced="word"),
    Route(path="/me/closed", get=mine.closed),
    Route(path="/me/receipt/{part:str}", get=mine.receipt, paced="word"),
    Route(path="/me/ask/{part:str}", get=requests.offer, post=requests.ask, paced="word"),
    Route(path="/me/request/{part:str}", get=requests.show, post=requests.change, paced="word"),
    Route(path="/me/request/{part:str}/copy", get=requests.copy, paced="word"),
    Route(path="/me/request/{part:str}/page", get=requests.copy_page, paced="word"),
    Route(path="/me/request/{part:str}/pdf", get=requests.copy_pdf, paced="word"),
    Route(path="/q/{part:str}", get=requests.follow, paced="word"),
    Route(path="/about", get=about.show),
    Route(path="/r", get=about.refer),
    Route(path="/verify", get=about.verify),
    Route(path="/.well-known/gpc.json", get=about.gpc),
    Route(path="/static/amana.css", get=style),
    Route(path="/static/amana.js", get=script),
    Route(path="/static/brand/{part:str}", get=brand_style),
)


def routes(house: Callable[[], House], pace: Pace | None = None) -> Router:
    """The pages of a workspace; `house` gives it, open for writing, at each request."""
    kept = Pace() if pace is None else pace
    handlers = [
        handler
        for route in ROUTES
        for handler in (
            _handler(route, [HttpMethod.GET, HttpMethod.HEAD], route.get, house, kept),
            _handler(route, [HttpMethod.POST], route.post, house, kept),
        )
        if handler is not None
    ]
    return Router("/", route_handlers=handlers, include_in_schema=False)


def _handler(
    route: Route, methods: list[HttpMethod], view: View | None, house: Callable[[], House], pace: Pace
) -> HTTPRouteHandler | None:
    if view is None:
        return None

    def read(request: Request[Any, Any, Any]) -> Response[bytes]:
        return _answer(request, b"", view, house(), _Measure(route, pace, sends=False))

    def write(request: Request[Any, Any, Any], body: bytes) -> Response[bytes]:
        return _answer(request, body, view, house(), _Measure(route, pace, sends=True))

    handle = write if HttpMethod.POST in methods else read
    return HTTPRouteHandler(
        route.path,
        http_method=methods,
        status_code=200,
        sync_to_thread=True,
        request_max_body_size=LARGEST,
        exception_handlers={HTTPException: _refused(house)},
    )(handle)


class _Measure:
    """What a visit costs, before and after it is looked at."""

    def __init__(self, route: Route, pace: Pace, *, sends: bool) -> None:
        self._route, self._pace, self._sends = route, pace, sends

    def before(self, request: Request[Any, Any, Any], network: str) -> int:
        """Seconds to wait before the visit is looked at."""
        kind = self._route.paced
        if kind == "never":
            return 0
        owner = limits.owner_of(request.client.host if request.client else "", (), 0)
        return self._pace.before(owner, network, sends=self._sends and kind == "form", asks=kind == "word")

    def after(self, network: str, status: int) -> int:
        """Seconds to wait after a visit that found nothing."""
        return self._pace.dead(network) if status == 404 else 0


def _answer(
    request: Request[Any, Any, Any], body: bytes, view: View, house: House, measure: _Measure
) -> Response[bytes]:
    visit = _visit(request, body, house)
    wait = measure.before(request, visit.network)
    if wait:
        return _response(visit, _trouble(visit, 429, wait))
    try:
        if visit.flooded:
            raise errors.BadInput("The address holds too many fields", expected=f"at most {MOST_FIELDS}")
        answer = view(visit)
    except errors.AmanaError as trouble:
        status = next((STATUS[kind] for kind in type(trouble).__mro__ if kind in STATUS), 0)
        if not status:
            raise
        wait = measure.after(visit.network, status)
        return _response(visit, _trouble(visit, 429 if wait else status, wait))
    wait = measure.after(visit.network, 404) if isinstance(answer, Page) and answer.dead else 0
    return _response(visit, _trouble(visit, 429, wait) if wait else answer)


def _refused(
    house: Callable[[], House],
) -> Callable[[Request[Any, Any, Any], HTTPException], Response[bytes]]:
    """The framework's own refusals (too large, not a form) as a page."""

    def handle(request: Request[Any, Any, Any], refused: HTTPException) -> Response[bytes]:
        visit = _visit(request, b"", house())
        return _response(visit, _trouble(visit, refused.status_code))

    return handle


def _trouble(visit: Visit, status: int, wait: int = 0) -> Page:
    key = {404: "gone", 413: "too_large", 429: "slow", 503: "busy"}.get(status, "refused")
    return Page(template="trouble", words=visit.words(), values={"key": key}, status=status, wait=wait)


def _query(text: str) -> tuple[dict[str, str], bool]:
    """The fields of an address, and whether they are too many to read."""
    try:
        return dict(parse_qsl(text, max_num_fields=MOST_FIELDS)), False
    except ValueError:
        return {}, True


def _visit(request: Request[Any, Any, Any], body: bytes, house: House) -> Visit:
    headers = request.headers
    query, flooded = _query(request.url.query)
    gpc = [value.strip() for name, value in headers.multi_items() if name.lower() == "sec-gpc"]
    return Visit(
        house=house,
        path=request.url.path,
        part=str(request.path_params.get("part", "")),
        query=query,
        flooded=flooded,
        form=_form(headers.get("content-type", ""), body),
        accept_language=headers.get("accept-language", ""),
        network=visits.cut(request.client.host if request.client else ""),
        agent=headers.get("user-agent", ""),
        gpc="1" in gpc,
        cookie=_cookie(headers.get("cookie", "")),
        secure=request.url.scheme == "https",
    )


def _form(media: str, body: bytes) -> tuple[tuple[str, str], ...]:
    """The fields of a form in either encoding (WHATWG HTML, 4.10.21.6); none if it is neither."""
    kind = media.split(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            text = body.decode("utf-8", "replace")
            return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return ()
    if kind != "multipart/form-data":
        return ()
    document = BytesParser().parsebytes(
        b"Content-Type: " + media.encode("latin-1", "replace") + b"\r\n\r\n" + body
    )
    if not document.is_multipart():
        return ()
    return tuple(
        (name, (part.get_payload(decode=True) or b"").decode("utf-8", "replace"))  # type: ignore[union-attr]  # decode=True gives bytes
        for part in document.get_payload()
        if isinstance(name := part.get_param("name", header="content-disposition"), str)  # type: ignore[union-attr]  # a multipart's payload is messages
    )


def _cookie(header: str) -> str:
    try:
        jar = SimpleCookie(header)
    except CookieError:
        return ""
    return jar[rendering.SESSION].value if rendering.SESSION in jar else ""


def _response(visit: Visit, answer: Answer) -> Response[bytes]:
    if isinstance(answer, Plain):
        headers = rendering.headers(cached=answer.cached, shared=answer.shared)
        if answer.own_policy:
            headers["Content-Security-Policy"] = rendering.DOCUMENT_POLICY
        if answer.reading:
            headers["Content-Security-Policy"] = rendering.READING_POLICY
        if answer.download:
            headers["Content-Disposition"] = f'attachment; filename="{answer.download}"'
        return Response(answer.body, status_code=answer.status, media_type=answer.media, headers=headers)
    headers = {**rendering.headers(framed=answer.framed), "Content-Language": answer.words.language}
    if answer.wait:
        headers["Retry-After"] = str(answer.wait)
    if answer.session is not None:
        headers["Set-Cookie"] = _kept(answer.session, secure=visit.secure)
    body = rendering.html(visit, answer).encode()
    return Response(body, status_code=answer.status, media_type="text/html", headers=headers)


def _kept(word: str, *, secure: bool) -> str:
    age = own_data.SESSION_LIFE if word else 0
    end = "; Secure" if secure else ""
    return f"{rendering.SESSION}={word}; Path=/me; Max-Age={age}; HttpOnly; SameSite=Strict{end}"
