"""Base URLs of endpoints: their one form, whose machine they are on, what a key may go to."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from typing import TYPE_CHECKING

from xiantong_nb.errors import UsageError

if TYPE_CHECKING:
    from xiantong_nb.presets import Wire

_PORTS = {"http": 80, "https": 443}
# servers that listen everywhere print these; as a target they are this machine on Linux and macOS, nothing on Windows
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound to it

_MESSAGES: Wire = "anthropic-messages"
_ENDS: dict[Wire, str] = {"anthropic-messages": "/messages", "openai-completions": "/chat/completions"}
_PATHS: dict[Wire, tuple[str, ...]] = {
    "anthropic-messages": ("/chat/completions", "/v1/messages", "/v1"),
    "openai-completions": ("/chat/completions", "/messages"),
}


def normalised(url: str, *, name: str, wire: Wire = _MESSAGES) -> str:
    """
    Return a base URL in its one form: no trailing slash, no endpoint's path, no usual port.

    The version is the wire's affair: Messages adds `/v1` itself, so that is taken off; the base of chat completions
    has it, so a bare host gets it. `localhost:11434`, as people type it, is taken as http. Raises `UsageError`,
    naming where the URL is from (`name`), when it is not http(s) with a host, or holds a password, a query or a
    fragment: those would leak keys into settings and messages.
    """
    url = url.strip()
    if re.match(r"[^:/?#@]+(:\d+)?(/|$)|\[[\da-fA-F:]+\]", url) and is_loopback(f"http://{url}"):
        url = f"http://{url}"
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        usable = False
    if not usable:
        msg = f"{name} is not a URL of an endpoint: it must begin with http:// or https:// and a host."
        raise UsageError(msg, hint="For a server on this machine: http://localhost:11434")
    if "@" in parts.netloc or parts.query or parts.fragment:
        msg = f"{name} holds a user name, a password, a query or a fragment, which would leak into messages."
        raise UsageError(msg, hint="Give the plain base URL; keys go into the key's own place.")
    path = parts.path.rstrip("/")
    for ending in _PATHS[wire]:
        path = path.removesuffix(ending).rstrip("/")
    return f"{origin(url)}{path or ('' if wire == _MESSAGES else '/v1')}"


def wire_of(url: str) -> Wire | None:
    """Return the wire that a URL names by its path, or None for a URL without such a path."""
    path = url.strip().rstrip("/")
    return next((w for w in _PATHS if path.endswith(_ENDS[w])), None)


def spoken(base_url: str, old: Wire, new: Wire) -> str:
    """Return the normalised base URL of the same endpoint for another wire."""
    if old == new:
        return base_url
    return without_version(base_url) if new == _MESSAGES else f"{base_url}/v1"


def without_version(base_url: str) -> str:
    """Return a normalised base URL without a final `/v1`: what both wires of an endpoint have in common."""
    return base_url.removesuffix("/v1")


def origin(url: str) -> str:
    """
    Return scheme, host and port of a usable URL, without the usual port: what a key belongs to.

    "Every address", 0.0.0.0 or [::], is this machine's own.
    """
    parts = urllib.parse.urlsplit(url)
    name = _EVERY_ADDRESS.get(parts.hostname or "", parts.hostname)
    host = f"[{name}]" if ":" in (name or "") else name
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_loopback(url: str) -> bool:
    """Say whether a URL's host is this machine by name or address."""
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no URL at all
        return False


def is_clear_text(url: str) -> bool:
    """Say whether what goes there crosses a network readable by all."""
    return urllib.parse.urlsplit(url).scheme == "http" and not is_loopback(url)


def refuse_clear_text(url: str, *, name: str, hint: str = "") -> None:
    """Raise `UsageError` where a key would cross a network readable by all."""
    if is_clear_text(url):
        msg = f"{name} is http:// on another machine: a key would cross the network readable by all."
        raise UsageError(msg, hint=hint or "Use https://, or a tunnel to a port of this machine.")
