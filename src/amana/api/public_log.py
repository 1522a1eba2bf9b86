"""The public log over HTTP: the checkpoint and the tiles of C2SP tlog-tiles, for anybody who watches.

Rule. What is served is what a published folder holds: 32-byte commitments, hashes and signed notes. A full tile never
changes and may be kept for ever; the checkpoint is fetched anew. Nothing needs a key.
"""

from __future__ import annotations

from litestar import Response, get
from litestar.params import FromPath

from amana import errors
from amana.api.guarding import TheDesk, answers
from amana.ledger import tiles
from amana.services.record import publication
from amana.storage import log

FOR_EVER = "public, max-age=31536000, immutable"
A_MOMENT = "public, max-age=5"
_PUBLIC = answers(401, 403, 409, 413, 415, 422)


@get("/log/checkpoint", media_type="text/plain", responses=_PUBLIC)
async def checkpoint(desk: TheDesk) -> Response[str]:
    """The latest signed checkpoint, with any witness's cosignature."""

    def work() -> str:
        with desk.house.database.read() as connection:
            return publication.current(desk.house, connection)[1]

    try:
        signed = await desk.run(work)
    except errors.Conflict:
        raise errors.NotFound("The log is empty", remedy="record something first") from None
    return Response(signed, media_type="text/plain; charset=utf-8", headers={"cache-control": A_MOMENT})


@get("/log/tile/{place:path}", media_type="application/octet-stream", responses=_PUBLIC)
async def tile(desk: TheDesk, place: FromPath[str]) -> Response[bytes]:
    """One tile or entry bundle, full or partial, by its C2SP path."""
    try:
        level, index, width = tiles.parse_path(f"tile{place}")
    except errors.AmanaError:
        raise errors.NotFound("This is not the path of a tile", expected="tile/<L>/<N>[.p/<W>]") from None

    def work() -> bytes:
        with desk.house.database.read() as connection:
            latest = log.latest(connection)
            held = tiles.width_at(latest.size if latest else 0, level, index)
            if width > held:
                raise errors.NotFound("The log has not grown so far", remedy="fetch the checkpoint first")
            return tiles.narrowed(level, log.tile_reader(connection)(level, index, held), width)

    keep = FOR_EVER if width == tiles.WIDTH else A_MOMENT
    return Response(
        await desk.run(work), media_type="application/octet-stream", headers={"cache-control": keep}
    )


ROUTES = (checkpoint, tile)
