"""Origins: which sites' scripts may speak with `/web/v1/`, and read what they are answered.

Rule. The origins that `[web]` declares, and our own. Whatever such a script is answered it may read, an error too, so
that its page can say what was wrong; an error that a browser keeps back looks like a server that is away. Any other
origin is given no leave. An answer that names an origin says that it differs by it (`Vary`, RFC 9110 section 12.5.5).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from amana.core.workspace import Workspace

PATH = "/web/v1/"


def are_welcome(workspace: Workspace, origin: str, host: str) -> bool:
    """Whether scripts of an origin may speak here, under the name (`Host`) by which we were asked."""
    own = {f"{scheme}://{host}" for scheme in ("http", "https")}
    if workspace.organisation.site:
        site = urlsplit(workspace.organisation.site)
        own.add(f"{site.scheme}://{site.netloc}")
    return origin in own or (workspace.web is not None and origin in workspace.web.origins)
