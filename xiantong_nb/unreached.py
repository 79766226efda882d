"""No answer came: why, in words, and what to do."""

from __future__ import annotations

import socket
import ssl
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from xiantong_nb.base_url import is_loopback
from xiantong_nb.errors import Unreachable

if TYPE_CHECKING:
    from xiantong_nb.failures import Place


def by_proxy(url: str) -> bool:
    """Say whether the environment sends this URL by way of a proxy; it is read as httpx reads it."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return False
    proxies = urllib.request.getproxies()
    named = parts.scheme in proxies or "all" in proxies
    return named and not is_loopback(url) and not urllib.request.proxy_bypass(parts.hostname or "")


def why(error: BaseException) -> tuple[str, str]:
    """Tell DNS, TLS and a refusal apart by the exceptions underneath, never by their texts."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case socket.gaierror():
                return "dns", "its host name is not known here"
            case ssl.SSLError():
                reason = getattr(cause, "verify_message", "") or cause.reason or "no reason given"
                return "tls", f"TLS failed ({reason})"
            case ConnectionRefusedError():
                return "refused", "nothing listens there"
        cause = cause.__cause__ or cause.__context__
    return "refused", "the connection was not taken"


_HINTS = {
    "refused": "Is the server running, and is the port right? The address is seen from the kernel's machine.",
    "dns": "Check the host's spelling and this machine's network.",
    "tls": "A server on this machine usually wants http://, not https://. A company's own authority must be in the "
    "system's store, or SSL_CERT_FILE must name it.",
    "certificates": "SSL_CERT_FILE and SSL_CERT_DIR must name what exists, or not be set.",
    "proxy": "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.",
    "timeout": "Run the cell again, or {instead}.",
    "silent": "Run the cell again, or {instead}.",
    "cut": "Run the cell again.",
    "other": "Check this connection's base URL and key.",
}


def unreachable(sentence: str, kind: str, place: Place) -> Unreachable:
    """Make the error: what happened, of which kind, where; the next step is the kind's, or the connection's own."""
    if kind == "timeout" and place.url.startswith("https:") and is_loopback(place.url):
        hint = _HINTS["tls"]  # a server that speaks http waits for the rest of what it takes for a request
    else:
        hint = place.mend_reach if kind in ("refused", "tls") and place.mend_reach else _HINTS[kind]
    return Unreachable(f"{sentence}.", kind=kind, hint=hint.format(instead=place.instead), where=str(place))
