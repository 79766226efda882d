"""
What an endpoint says when it fails: from status, headers and body to one typed error.

Bodies come in eight shapes (Anthropic, OpenAI, llama.cpp and vLLM, OpenRouter, Vercel, Ollama's native API,
older vLLM, and proxies that send FastAPI's `detail`, HTML, plain text or nothing). Branching is on the
status, then on the error's type, never on digits or words of the message.

Everything foreign that gets into an error is one printable line without the key: errors are shown in
terminals, and some endpoints send back the key that they refuse.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import re
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb.errors import (
    BadReply,
    Busy,
    IncompleteReply,
    KeyRefused,
    NotFound,
    OutOfCredit,
    ProviderError,
    RequestRefused,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xiantong_nb.secret import Secret

MAX_WAIT = 60.0
"""The longest wait, in seconds, that is taken without asking (the official SDK's limit before 2.12)."""

_SHOWN = 600  # characters of a foreign message: enough to understand it, too few to fill a notebook
_WORD = 120

# error types for failures that arrive inside a stream, where the status has been 200 all along
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "exceed_context_size_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "insufficient_quota": 402,
    "insufficient_funds": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_error": 500,
    "unavailable_error": 503,
    "timeout_error": 504,
    "overloaded_error": 529,
}
# types and codes that mean money, whatever the status says
_SPENT = {"billing_error", "insufficient_quota", "insufficient_funds", "enforced_spend_limit_reached"}
# and those that mean too much text, which most endpoints answer with 400
_TOO_LONG = {"request_too_large", "exceed_context_size_error", "context_length_exceeded"}
_BUSY = {
    408: "waited too long for the request",
    409: "met a conflict",
    429: "limits requests for now",
    503: "is not available for now",
    504: "took too long",
    529: "is overloaded for now",
}


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a request went, for the messages: connection, model and final URL.

    `key_from` says where its key was found, `mend_key` what to do when that is refused; `key` itself is there to
    be masked in what comes back.
    """

    connection: str
    model: str
    url: str
    key_from: str = ""
    key: Secret | None = None
    mend_key: str = ""

    def __str__(self) -> str:
        asked = f"{self.connection}:{self.model}" if self.model else self.connection
        return f"{asked} at {self.url}"

    def clean(self, text: str, limit: int = _SHOWN) -> str:
        """Return a foreign text as one printable line of at most about `limit` characters, without the key."""
        if self.key is not None:
            text = self.key.masked_in(text)
        text = "".join(c if c.isprintable() else " " for c in text)
        text = " ".join(text.split())
        return text if len(text) <= limit else text[:limit] + " …"


@dataclass(frozen=True, slots=True)
class Told:
    """What a body said of the failure, as it stands there; empty where it said nothing."""

    message: str = ""
    kind: str = ""
    code: str = ""
    request_id: str = ""


def read_body(body: bytes) -> Told:
    """Find message, type and code in any of the eight shapes; text that is not JSON is the message."""
    text = body.decode("utf-8", "replace")
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return Told(message=_title_of_page(text))
    if not isinstance(found, dict):
        return Told(message=str(found))
    inner = found.get("error", found)
    if not isinstance(inner, dict):
        inner = {"message": inner}
    message = inner.get("message") or found.get("detail") or found.get("message") or ""
    details = inner.get("details")
    code = (details.get("error_code") if isinstance(details, dict) else None) or inner.get("code")
    return Told(
        message=message if isinstance(message, str) else msgspec.json.encode(message).decode(),
        kind=_word(inner.get("type")),
        code=_word(code),
        request_id=_word(found.get("request_id")),
    )


def from_response(status: int, headers: Mapping[str, str], body: bytes, place: Place) -> ProviderError:
    """Make the error for a response that is no reply. `headers` has lower-case names."""
    told = Told(_host(headers["location"])) if "location" in headers else read_body(body)
    return _make(status, told, place, headers=headers, request_id=request_id_of(headers))


def from_stream(data: bytes, place: Place, *, request_id: str | None = None) -> ProviderError:
    """Make the error for a failure told inside a stream (the event's data), where the HTTP status was 200."""
    told = read_body(data)
    status = _STATUS_OF_TYPE.get(told.kind) or (int(told.code) if re.fullmatch("[45][0-9]{2}", told.code) else 500)
    return _make(status, told, place, headers={}, request_id=request_id)


def json_of(data: bytes, place: Place) -> Any:
    """
    Read JSON as far as it can be read: invalid UTF-8 becomes U+FFFD, half characters stay halves.

    Raises `BadReply` for what is not JSON.
    """
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        msg = f"The answer holds something that is not JSON: {place.clean(text, 80)}"
        raise BadReply(msg, status=200, kind="bad_json", where=str(place)) from None


def cut(place: Place, *, begun: bool) -> IncompleteReply:
    """Make the error for a stream whose bytes ended before its reply did."""
    if begun:
        return IncompleteReply("The stream ended before the reply did.", where=str(place))
    msg = "The endpoint answered, but with nothing of a reply."
    return IncompleteReply(msg, hint="Check the base URL.", where=str(place))


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the endpoint's own name for a request, as Anthropic, OpenAI and OpenRouter send it."""
    for name in ("request-id", "x-request-id", "x-generation-id"):
        if value := headers.get(name):
            return value
    return None


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """
    Return the wait asked for, in seconds, or None where none (or nonsense) is asked.

    `retry-after-ms` is Anthropic's and OpenAI's finer form; `retry-after` is RFC 9110 10.2.3: seconds or
    an HTTP date. `now` is the time in seconds since 1970.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None and milliseconds > 0:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None and text:
        try:
            when = email.utils.parsedate_to_datetime(text)
            if when.tzinfo is None:  # RFC 5322: "-0000" is UTC too
                when = when.replace(tzinfo=dt.UTC)
            seconds = when.timestamp() - (time.time() if now is None else now)
        except (ValueError, OverflowError):
            return None
    return seconds if seconds is not None and seconds > 0 else None


def _make(
    status: int, told: Told, place: Place, *, headers: Mapping[str, str], request_id: str | None
) -> ProviderError:
    wait = retry_after(headers)
    kind, sentence, hint = _explain(status, told, place, wait)
    sentence = f"{sentence} ({status})"
    request_id = place.clean(told.request_id or request_id or "", _WORD) or None
    message = place.clean(told.message)
    return kind(
        f"{sentence}: {message}" if message else f"{sentence}.",
        status=status,
        kind=place.clean(told.kind or told.code, _WORD),
        request_id=request_id,
        retry_after=wait,
        hint=hint,
        where=str(place) + (f" (request {request_id})" if request_id else ""),
    )


def _explain(status: int, told: Told, place: Place, wait: float | None) -> tuple[type[ProviderError], str, str]:
    """Choose the class, the sentence (the endpoint's own words follow it) and the next step."""
    name, said = place.connection, {told.kind, told.code}
    key = f"the key from {place.key_from}" if place.key_from else "a request without a key"
    if said & _SPENT:
        status = 402
    elif said & _TOO_LONG:
        status = 413
    match status:
        case 401:
            return KeyRefused, f"{name} refused {key}", place.mend_key or "This endpoint wants a key."
        case 402:
            sentence = f"{name} has no credit left, or a spend limit is reached"
            return OutOfCredit, sentence, "See credits and limits on the provider's page; trying again does not help."
        case 403:
            hint = place.mend_key or "The endpoint wants a key, or does not serve this machine."
            return KeyRefused, f"{name} does not allow this with {key}", hint
        case 404 | 405:
            sentence = f"{name} has no model {place.model!r}, or no such path"
            return NotFound, sentence, "Write the model as this provider does; the endpoint must offer /v1/messages."
        case 413:
            sentence = f"{name} finds the request too long"
            return (
                RequestRefused,
                sentence,
                "Ask a shorter question, or begin afresh with --new where a chat has grown.",
            )
    match status // 100:
        case 2:
            return BadReply, f"{name} did not answer with a model's reply", "Check the base URL."
        case 3:
            sentence = f"{name} redirects, which is not followed since the key would go along"
            return BadReply, sentence, "If you trust where it leads, make that the base URL."
        case 4 if status not in _BUSY:
            return RequestRefused, f"{name} refused the request", "Change what it names, or ask another model."
    again = f"after {wait:.0f} s, as it asks" if wait and wait > MAX_WAIT else "in a while"
    return Busy, f"{name} {_BUSY.get(status, 'failed')}", f"Run the cell again {again}, or ask another connection."


def _title_of_page(text: str) -> str:
    """Return text as it is, and of an HTML page the title."""
    if not re.match(r"\s*<(!doctype|html)", text, re.IGNORECASE):
        return text
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    return f"a web page ({title[1].strip()})" if title else "a web page"


def _host(url: str) -> str:
    """Return where a redirect leads: the origin alone, since the rest may hold a token."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""


def _word(value: object) -> str:
    """Return a short identifier as text, or nothing for whatever else stands there."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < float("inf") else None
