"""
When an endpoint fails: from status and what the answer told to one typed error, with the next step.

Branching is on the status, then on the error's type and code, never on digits of the message. A few 400s can be told
apart by words only; they are listed. Everything foreign that gets into an error is one printable line without the
key: errors are shown in terminals, and some endpoints send back the key that they refuse.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xiantong_nb import told as answers
from xiantong_nb.errors import (
    BadReply,
    Busy,
    IncompleteReply,
    KeyRefused,
    NotFound,
    OutOfCredit,
    ProviderError,
    RequestRefused,
    UnknownModel,
)
from xiantong_nb.safe import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xiantong_nb.secret import Secret
    from xiantong_nb.told import Told

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
# types and codes that mean one thing, whatever the status says
_SPENT = {
    "billing_error",
    "insufficient_quota",
    "insufficient_funds",
    "enforced_spend_limit_reached",
    "payment_required",
}
_TOO_LONG = {"request_too_large", "exceed_context_size_error", "context_length_exceeded"}
_NO_MODEL = {"model_not_found"}
# what only the words of a 400 (or 404) tell: Anthropic's, OpenAI's, OpenRouter's, vLLM's and llama.cpp's
_WORDS = {
    402: re.compile(r"credit balance is too low|usage limits", re.IGNORECASE),
    413: re.compile(r"prompt is too long|context (length|size|window)", re.IGNORECASE),
    404: re.compile(r"not a valid model|(unknown|invalid|no such) model|model .*(not found|not exist)", re.IGNORECASE),
}
_NO_IMAGES = re.compile(r"image input is not supported", re.IGNORECASE)  # llama.cpp's, with a 500
_BUSY = {
    408: "waited too long for the request",
    409: "met a conflict",
    429: "limits requests for now",
    503: "is not available for now",
    504: "took too long",
    529: "is overloaded for now",
}
_NAMES = {
    "--effort": ("output_config", "reasoning"),
    "--schema": ("output_config", "response_format", "json_schema"),
}
"""How the wires call an option beside its own name."""
_PATHS = ("/v1/messages", "/chat/completions")


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a request went, for the messages: connection, model and final URL.

    `key_from` says where its key was found, `header` which header carries it; `key` itself is there to be masked in
    what comes back. `size` is that of the request in bytes, `options` are those it was asked with, as a person
    writes them. The rest are next steps: where the key is refused, the model unknown, nothing reached; and
    what else could answer.
    """

    connection: str
    model: str
    url: str
    key_from: str = ""
    key: Secret | None = None
    header: str = ""
    size: int = 0
    options: tuple[str, ...] = ()
    mend_key: str = ""
    mend_model: str = ""
    mend_reach: str = ""
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        asked = f"{self.connection}:{self.model}" if self.model else self.connection
        return f"{asked} at {self.url}"

    def clean(self, text: str, limit: int = _SHOWN) -> str:
        """Return a foreign text as one printable line of at most about `limit` characters, without the key."""
        text = " ".join("".join(c if c.isprintable() else " " for c in terminal(text)).split())
        if self.key is not None:  # after what was between its characters has gone
            text = self.key.masked_in(text)
        return text if len(text) <= limit else text[:limit] + " …"

    @property
    def instead(self) -> str:
        """What to do where this endpoint can't answer, as the end of a sentence."""
        return f"ask another connection: {', '.join(self.others[:6])}" if self.others else "connect another provider"


def from_response(status: int, headers: Mapping[str, str], body: bytes, place: Place) -> ProviderError:
    """Make the error for a response that is no reply. `headers` has lower-case names."""
    leads = headers.get("location")
    told = answers.read_body(body) if leads is None else answers.Told(answers.host_of(leads))
    if not told.message and status // 100 == 2:  # noqa: PLR2004  # a success that is none: all of it is the clue
        told = replace(told, message=body[: 100 * _SHOWN].decode("utf-8", "replace"))
    return _make(status, told, place, headers=headers, request_id=answers.request_id_of(headers))


def from_stream(data: bytes, place: Place, *, request_id: str | None = None) -> ProviderError:
    """Make the error for a failure told inside a stream (the event's data), where the HTTP status was 200."""
    told = answers.read_body(data)
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


def _make(
    status: int, told: Told, place: Place, *, headers: Mapping[str, str], request_id: str | None
) -> ProviderError:
    wait = answers.retry_after(headers)
    kind, sentence, hint = _explain(status, told, place, wait, answers.used_up(headers))
    sentence = f"{sentence} ({status})"
    request_id = place.clean(told.request_id or request_id or "", _WORD) or None
    message = place.clean(told.message)
    error = kind(
        f"{sentence}: {message}" if message else f"{sentence}.",
        status=status,
        kind=place.clean(told.kind or told.code, _WORD),
        request_id=request_id,
        retry_after=wait,
        hint=hint,
        where=str(place) + (f" (request {request_id})" if request_id else ""),
    )
    error.should_retry = answers.should_retry(headers)
    return error


def _means(status: int, told: Told) -> int:
    """Return the status that says what is meant: types and codes count more than it, and of some 400s the words."""
    said = {told.kind, told.code}
    for meant, names in ((402, _SPENT), (413, _TOO_LONG), (404, _NO_MODEL)):
        if said & names:
            return meant
    if status == 400:  # noqa: PLR2004  # bad request
        return next((meant for meant, words in _WORDS.items() if words.search(told.message)), status)
    return 400 if _NO_IMAGES.search(told.message) else status


def _explain(
    status: int, told: Told, place: Place, wait: float | None, limits: str
) -> tuple[type[ProviderError], str, str]:
    """Choose the class, the sentence (the endpoint's own words follow it) and the next step."""
    name, meant = place.connection, _means(status, told)
    sent = f"the key from {place.key_from}" if place.key_from else "a request without a key"
    sent += f", sent as {place.header}" if place.key_from and place.header else ""
    match meant:
        case 401:
            return KeyRefused, f"{name} refused {sent}", place.mend_key or "This endpoint wants a key."
        case 402:
            sentence = f"{name} has no credit left, or a spend limit is reached"
            return OutOfCredit, sentence, f"Trying again does not help. See the provider's page, or {place.instead}."
        case 403:
            hint = place.mend_key or "The endpoint wants a key, or does not serve this machine."
            return KeyRefused, f"{name} does not allow this with {sent}", hint
        case 404 | 405:
            return _nothing_there(meant, told, place)
        case 413:
            cut = "Cut the question or what goes along, or begin afresh with --new where a chat has grown."
            return RequestRefused, f"{name} finds the request too long: {_sizes(told, place)}", cut
    match meant // 100:
        case 2:
            return BadReply, f"{name} did not answer with a model's reply", _base_url(place)
        case 3:
            sentence = f"{name} redirects, which is not followed since the key would go along"
            return BadReply, sentence, "If you trust where it leads, make that the base URL."
        case 4 if meant not in _BUSY:
            return RequestRefused, f"{name} refused the request", _change(told, place)
    again = f"after {wait:.0f} s, as it asks" if wait and wait > MAX_WAIT else "in a while"
    limits = place.clean(limits, _WORD)
    spent = f"Used up: {limits}. " if limits else ""
    return Busy, f"{name} {_BUSY.get(meant, 'failed')}", f"{spent}Run the cell again {again}, or {place.instead}."


def _nothing_there(status: int, told: Told, place: Place) -> tuple[type[ProviderError], str, str]:
    """Tell a model that is not there from a path that is not: the first is named in what the endpoint says."""
    named = place.model and re.search(rf"(?<!\w){re.escape(place.model)}(?!\w)", told.message, re.IGNORECASE)
    if status == 404 and (named or {told.kind, told.code} & _NO_MODEL or _WORDS[404].search(told.message)):  # noqa: PLR2004  # not found
        return UnknownModel, f"{place.connection} has no model {place.model!r}", place.mend_model
    return NotFound, f"{place.connection} has nothing at this path", _base_url(place)


def _base_url(place: Place) -> str:
    """Say what the endpoint must offer, and which base URL led there."""
    for path in _PATHS:
        if place.url.endswith(path):
            base = place.url.removesuffix(path)
            return f"The endpoint must offer {path} under its base URL, {base}. Check that."
    return "Check the base URL."


def _sizes(told: Told, place: Place) -> str:
    if told.tokens is not None and told.most is not None:
        return f"{told.tokens:,} tokens, of {told.most:,} at most"
    return f"{max(place.size // 1000, 1):,} kB were sent"


def _change(told: Told, place: Place) -> str:
    """Say what to change about a request that was refused: an option that the endpoint's words name."""
    for option in place.options:
        names = (option.lstrip("-").replace("-", "_"), *_NAMES.get(option, ()))
        if any(name in told.message for name in names):
            return f"Leave out {option}, or give it another value: this model does not take it so."
    return "Change what it names, or ask another model."
