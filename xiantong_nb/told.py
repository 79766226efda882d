"""
What an answer says of a failure, as it stands there: body and headers read into values, without a judgement.

Bodies come in eight shapes: Anthropic's, OpenAI's, that of llama.cpp and vLLM, OpenRouter's, Vercel's, that of Ollama's
native API, older vLLM's, and what proxies send: FastAPI's `detail`, HTML, plain text or nothing.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import tolerant

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Told:
    """
    What a body said of the failure; empty where it said nothing.

    `tokens` and `most` are a prompt's size and what was allowed, where it told them.
    """

    message: str = ""
    kind: str = ""
    code: str = ""
    request_id: str = ""
    tokens: int | None = None
    most: int | None = None


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
    metadata = tolerant.members(inner.get("metadata"))  # OpenRouter's, with what its upstream said
    message = _words(inner.get("message") or found.get("detail") or found.get("message") or "")
    if upstream := _words(metadata.get("raw") or ""):
        message = f"{message}: {upstream}" if message else upstream
    code = tolerant.members(inner.get("details")).get("error_code") or metadata.get("error_type") or inner.get("code")
    return Told(
        message=message,
        kind=_word(inner.get("type")),
        code=_word(code),
        request_id=_word(found.get("request_id")),
        tokens=tolerant.count(inner.get("n_prompt_tokens")),
        most=tolerant.count(inner.get("n_ctx")),
    )


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


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Return the endpoint's own word on whether to ask again (Anthropic's and OpenAI's header), or None."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())


def used_up(headers: Mapping[str, str]) -> str:
    """
    Name the limits that are used up, by the headers of Anthropic or OpenAI, or nothing.

    Anthropic's end in what they tell (`-limit`, `-remaining`, `-reset`, a time), OpenAI's have it in the middle
    (`-reset-` is a duration).
    """
    found = []
    for kind in ("requests", "tokens", "input-tokens", "output-tokens"):
        for form, until in (("anthropic-ratelimit-{0}-{1}", "until"), ("x-ratelimit-{1}-{0}", "for another")):
            if headers.get(form.format(kind, "remaining")) == "0":
                limit, reset = (headers.get(form.format(kind, told)) for told in ("limit", "reset"))
                found.append(f"{limit or 'all'} {kind.replace('-', ' ')}" + (f", {until} {reset}" if reset else ""))
    return "; ".join(found)


def host_of(url: str) -> str:
    """Return where a redirect leads: the origin alone, since the rest may hold a token."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""


def _title_of_page(text: str) -> str:
    """Return text as it is, and of an HTML page the title."""
    if not re.match(r"\ufeff?\s*<(!doctype|html)", text, re.IGNORECASE):
        return text
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    return f"a web page ({title[1].strip()})" if title else "a web page"


def _words(value: Any) -> str:
    """Return a message as text; some servers send a list of what is wrong with each field."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _word(value: object) -> str:
    """Return a short identifier as text, or nothing for whatever else stands there."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < float("inf") else None
