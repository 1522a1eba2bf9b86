"""The front: what every request passes before anything else sees it, and every answer before it leaves.

Rule.
- A body is read whole, up to a limit, within a time; a larger one is 413 and is not read on.
- A request id is echoed if it is printable, else made. Security headers stand on every answer; a page may tighten its own
  policy, and none can be left out.
- Requests without a key are limited by address, those with one by key. Paths on which a person withdraws, and on which
  providers report opt-outs, are not limited before they were looked at. Pages for people pace themselves, because they
  answer in words.
- Evaluations are answered here, without the framework's routing: it is the path whose speed is promised. What is answered
  is the same function that the route calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from litestar.exceptions import HTTPException

from amana import errors
from amana.api import briefly, decisions, limits, origins, problems, together
from amana.api.desk import Desk
from amana.api.limits import Buckets, Limit
from amana.services.record.api_keys import Caller

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

LARGEST_BODY = 1 << 20
PATIENCE = 20.0  # seconds for a body to arrive
EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
DECIDED = frozenset({EVALUATION, EVALUATIONS})
JSON_ONLY = ("/access/", "/v1/")
ANY_FORM = "/v1/webhooks/"
PAGES = ("/u/", "/p/", "/f/", "/c/", "/k/", "/s/", "/q/", "/me/", "/static/")
LONE_PAGES = frozenset({"/me", "/about", "/r", "/verify"})
"""Pages for people: they keep their own measure, and answer 429 as a page."""
UNLIMITED = (*PAGES, "/v1/webhooks/", "/v1/events", "/v1/withdrawals", "/web/v1/preferences")
"""Besides, where people withdraw and providers report: looked at first, limited afterwards if it was no such thing."""
HEAVY = ("/v1/screens", "/v1/mailings", "/access/v1/search/resource")
HEAVY_ENDS = ("/pack", "/copy")
"""Of a request of somebody: what is packed, and may be printed."""
INLINE = 8  # evaluations that are answered at once rather than in a thread

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), interest-cohort=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
LEAVE = b"access-control-allow-origin"
HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
log = structlog.get_logger("amana.api")


class Request:
    """One request as the front sees it: its headers, its body, who sent it."""

    __slots__ = ("address", "body", "caller", "charge", "headers", "id", "path", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.body = b""
        self.caller: Caller | None = None
        self.address: str | None = None  # of whoever asks, once it was looked for
        self.id = ""
        self.charge: Callable[[], None] = lambda: None  # counts against the sender's address; raises 429

    def header(self, name: bytes) -> str:
        """One header as text; empty for none."""
        return self.headers.get(name, b"").decode("latin-1")


class Patience:
    """How long bodies may take to arrive: one look a second at all that are awaited, in place of a timer for each.

    Used by one event loop at a time. A body that takes longer, by up to a second, is given up: HTTPException 408.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._awaited: dict[asyncio.Task[Any], float] = {}  # until when, on the loop's clock
        self._late: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a body is awaited in a task")
        self._awaited[task] = loop.time() + self._seconds
        if self._looking is not loop:
            self._looking = loop
            loop.call_later(1.0, self._look, loop)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._awaited.pop(task, None)
        if task in self._late:
            self._late.discard(task)
            if kind is asyncio.CancelledError and task.uncancel() == 0:
                raise HTTPException("The body did not arrive in time", status_code=408)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, until in list(self._awaited.items()):
            if until < now:
                del self._awaited[task]
                self._late.add(task)
                task.cancel()
        self._looking = loop if self._awaited else None
        if self._awaited:
            loop.call_later(1.0, self._look, loop)


class Front:
    """The outermost ASGI application."""

    def __init__(self, inner: App, desk: Desk) -> None:
        self._inner = inner
        self._desk = desk
        self._buckets = Buckets()
        self._patience = Patience(PATIENCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope)
        request.id = self._id(request)
        dressed = self._dressed(request, send)
        try:
            if request.path in DECIDED and scope["method"] == "POST":
                await self._decide(request, receive, send)
            else:
                await self._answer(request, receive, dressed)
        except HTTPException as refused:
            await reply(dressed, problems.of_http(refused, request.id), dict(refused.headers or {}))
        except errors.AmanaError as trouble:
            await reply(dressed, problems.of_error(trouble, request.id))
        except Exception as defect:  # noqa: BLE001  the last place to answer; the defect is logged whole, without values
            log.error("defect", request=request.id, kind=type(defect).__name__, where=problems.where(defect))
            await reply(dressed, problems.plain(500, instance=request.id))

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        self._identify(request)
        request.body = await self._body(request, receive)
        self._form(request)
        await self._desk.renew()
        request.charge = lambda: self._late(request)
        request.scope["client"] = (self._address(request), 0)  # also where a proxy stands in between
        request.scope["amana"] = request
        if self._is_secure(request):
            request.scope["scheme"] = "https"  # also where a proxy ends TLS: cookies are then Secure
        await self._inner(request.scope, _again(request.body), send)

    # ---- who, how much, in which form ---------------------------------------------------------------------------

    def _identify(self, request: Request) -> None:
        authorization = request.header(b"authorization")
        if authorization and not request.path.startswith(
            ANY_FORM
        ):  # there it is a provider's, not a key of ours
            request.caller = self._desk.caller(authorization)
            if request.caller is None:
                self._charge(request, limits.PUBLIC, limits.WRONG_KEY)
        if request.path.startswith(UNLIMITED) or request.path in LONE_PAGES:
            return
        if request.caller is None:
            self._charge(request, limits.PUBLIC, 1.0)
            return
        limit = limits.KEYED
        if request.scope["method"] == "POST" and _is_heavy(request.path):
            limit = limits.HEAVY
        elif request.path.startswith("/v1/") and request.scope["method"] == "POST":
            limit = limits.WRITING
        self._wait(self._buckets.take(request.caller.name, limit))

    def _late(self, request: Request) -> None:
        """Count a request after it was looked at: against its key if it has one. Raises HTTPException 429."""
        if request.caller is None:
            self._charge(request, limits.PUBLIC, 1.0)
        else:
            self._wait(self._buckets.take(request.caller.name, limits.WRITING))

    def _charge(self, request: Request, limit: Limit, cost: float) -> None:
        """Count against the address. Raises HTTPException 429."""
        owner = limits.owner_of(self._address(request), (), 0)
        self._wait(self._buckets.take(f"@{owner}", limit, cost))

    def _address(self, request: Request) -> str:
        """Who asks: the peer, or whom the last trusted proxy saw."""
        if request.address is None:
            peer = (request.scope.get("client") or ("", 0))[0]
            forwarded = [
                value.decode("latin-1")
                for name, value in request.scope["headers"]
                if name == b"x-forwarded-for"
            ]
            request.address = limits.address_of(peer, forwarded, self._desk.options.trusted_hops)
        return request.address

    @staticmethod
    def _wait(seconds: int) -> None:
        if seconds:
            raise HTTPException("Too many requests", status_code=429, headers={"retry-after": str(seconds)})

    @staticmethod
    def _form(request: Request) -> None:
        if not request.body or not request.path.startswith(JSON_ONLY) or request.path.startswith(ANY_FORM):
            return
        media = request.header(b"content-type").partition(";")[0].strip().lower()
        if media != "application/json":
            raise HTTPException("The body is to be application/json", status_code=415)

    async def _body(self, request: Request, receive: Receive) -> bytes:
        length = request.header(b"content-length")
        if length.isdigit() and int(length) > LARGEST_BODY:
            raise HTTPException(f"The body is larger than {LARGEST_BODY} bytes", status_code=413)
        if request.scope["method"] in ("GET", "HEAD", "OPTIONS") and not length:
            return b""
        parts: list[bytes] = []
        size = 0
        with self._patience:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":  # what came of it is no whole body
                    raise HTTPException("The body ended early", status_code=400)
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > LARGEST_BODY:
                    raise HTTPException(f"The body is larger than {LARGEST_BODY} bytes", status_code=413)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)

    def _id(self, request: Request) -> str:
        given = request.headers.get(b"x-request-id", b"")
        if given and len(given) <= 128 and all(0x21 <= byte <= 0x7E for byte in given):
            return given.decode()
        return self._desk.house.random(12).hex()

    def _is_secure(self, request: Request) -> bool:
        """Whether the visitor came by https, as far as we or a trusted proxy know."""
        options = self._desk.options
        forwarded = request.headers.get(b"x-forwarded-proto")
        return options.tls or (options.trusted_hops > 0 and forwarded == b"https")

    def _dressed(self, request: Request, send: Send) -> Send:
        secure = self._is_secure(request)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                headers.extend(one for one in HEADERS if one[0] not in there)
                headers.append((b"x-request-id", request.id.encode()))
                if request.path.startswith(origins.PATH) and not there & {LEAVE, b"vary"}:
                    headers.extend(self._leave(request))
                if secure:
                    headers.append(HSTS)
                message["headers"] = headers
            await send(message)

        return dressed

    def _leave(self, request: Request) -> list[tuple[bytes, bytes]]:
        """The headers by which a declared site's script may read an error, and no other's."""
        origin, host = request.header(b"origin"), request.header(b"host")
        welcome = origin and origins.are_welcome(self._desk.house.workspace, origin, host)
        return [(b"vary", b"Origin"), *([(LEAVE, origin.encode("latin-1"))] if welcome else ())]

    # ---- decisions ----------------------------------------------------------------------------------------------

    async def _decide(self, request: Request, receive: Receive, send: Send) -> None:
        """Answer evaluations, past the framework and past what only other paths need: speed is promised here."""
        self._identify(request)
        request.body = await self._body(request, receive)
        if request.headers.get(b"content-type") != b"application/json":
            self._form(request)
        caller = request.caller
        if caller is None:
            raise HTTPException("A key is needed", status_code=401, headers={"www-authenticate": "Bearer"})
        if not caller.may("decide"):
            raise HTTPException("This key may not decide", status_code=403)
        many = request.path == EVALUATIONS
        body = await decide(self._desk, caller, request.body, request.header(b"accept-language"), many=many)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *HEADERS,
            (b"x-request-id", request.id.encode()),
        ]
        if self._is_secure(request):
            headers.append(HSTS)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def decide(desk: Desk, caller: Caller, body: bytes, accept: str, *, many: bool) -> bytes:
    """The answer to an evaluation's body, or to many. Raises BadInput, PermissionDeniedException."""
    if many:
        asks = decisions.read_asks(body)
        if asks.evaluations:
            if len(asks.evaluations) <= INLINE and not desk.house.database.is_postgresql:
                return _many(desk, caller, asks, accept)
            return await desk.run(_many, desk, caller, asks, accept)
    ask = decisions.read_ask(body)
    if desk.house.database.is_postgresql or ask.context.get("would_allow") is True:
        return await desk.run(_one, desk, caller, ask, accept)
    return _one(desk, caller, ask, accept)  # one read of a local file costs less than handing it to a thread


def _one(desk: Desk, caller: Caller, ask: decisions.Ask, accept: str) -> bytes:
    return decisions.encode(_asker(desk, caller, accept, ask.context.get("would_allow") is True).one(ask))


def _many(desk: Desk, caller: Caller, asks: decisions.Asks, accept: str) -> bytes:
    asker = _asker(desk, caller, accept)
    if asks.options.detail == "brief":
        return briefly.answered(desk, asker, asks)
    if together.is_worth_it(asks):
        return decisions.encode(decisions.Answers(evaluations=together.answered(desk, asker, asks)))
    return decisions.encode(decisions.Answers(evaluations=tuple(asker.many(asks))))


def _asker(desk: Desk, caller: Caller, accept: str, with_remedies: bool = False) -> decisions.Asker:
    """The asker of this thread's gate for a caller and a language, kept while the gate is."""
    gate, phrases = desk.gate(with_remedies=with_remedies), decisions.language(accept)
    kept, key = desk.kept(), (with_remedies, caller.digest, phrases.language)
    found: decisions.Asker | None = kept.get(key)
    if found is None:
        found = kept[key] = decisions.Asker(gate, caller, phrases)
    return found


def _is_heavy(path: str) -> bool:
    path = "/" + "/".join(part for part in path.split("/") if part)  # as routing reads it
    return path.startswith(HEAVY) or (path.startswith("/v1/requests/") and path.endswith(HEAVY_ENDS))


async def reply(send: Send, problem: problems.Problem, headers: dict[str, str] | None = None) -> None:
    """Answer with a problem."""
    more = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    await _send(send, problem.status, problems.MEDIA.encode(), decisions.encode(problem), more)


async def _send(
    send: Send, status: int, media: bytes, body: bytes, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [(b"content-type", media), (b"content-length", b"%d" % len(body)), *(more or ())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _again(body: bytes) -> Receive:
    """The body that was read already, for whoever reads it next."""
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()  # the answer is given before the client goes
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
