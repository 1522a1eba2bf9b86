"""Return paths: an address of ours for each message, from which an answer tells whose it was (VERP).

Rule. A token is 18 bytes in base64url; mail systems change the case of a local part, so in an address it is spelt in
lower case base32 after a plus. Reading takes any case, and gives nothing for an address that is not one of ours.
"""

from __future__ import annotations

import base64
import binascii

SIZE = 18  # bytes of a token
_SPELT = 29  # characters


def address(base: str, token: str) -> str:
    """The address of a token: `base` with the token after a plus in its local part."""
    local, _, domain = base.rpartition("@")
    spelt = base64.b32encode(base64.urlsafe_b64decode(token)).decode().rstrip("=").lower()
    return f"{local}+{spelt}@{domain}"


def token(base: str, found: str) -> str:
    """The token in an address; "" if it is not one of ours."""
    local, _, domain = found.strip().strip("<>").lower().rpartition("@")
    ours, _, domain_of_ours = base.lower().rpartition("@")
    name, plus, spelt = local.rpartition("+")
    if domain != domain_of_ours or name != ours or not plus or len(spelt) != _SPELT:
        return ""
    try:
        return base64.urlsafe_b64encode(base64.b32decode(spelt.upper() + "===")).decode()
    except binascii.Error:
        return ""
