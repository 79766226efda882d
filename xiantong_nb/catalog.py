"""What an endpoint lists: its models, with context, image input and price where it says so."""

from __future__ import annotations

import contextlib
import math
import urllib.parse
from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import ollama
from xiantong_nb.connection import auth_header, place
from xiantong_nb.errors import BadReply, NotFound
from xiantong_nb.messages_api import VERSION
from xiantong_nb.models import Model
from xiantong_nb.request import HttpCall

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.failures import Place
    from xiantong_nb.transport import Transport

_PAGE, _PAGES = 1000, 20
_LARGEST = 16 * 1024 * 1024  # bytes of one page; OpenRouter's whole list is about 1 MB
_NAME = 200  # characters
_TEXT_MODELS = ("language", "chat", "model", "")  # kinds that answer with text; gateways list others, too


async def listed(connection: Connection, transport: Transport) -> tuple[Model, ...]:
    """
    Ask an endpoint for its list, page after page; one with routes of its own, by those.

    Raises what a question would: `Unreachable`, a `ProviderError`; `NotFound` where it has no list.
    """
    if connection.preset.own_routes == "ollama":
        with contextlib.suppress(NotFound):  # then it is another server at its address
            return await ollama.pulled(connection, transport)
    found: dict[str, Model] = {}
    cursors = {""}
    cursor = ""
    for _ in range(_PAGES):
        call = _call(connection, cursor)
        where = place(connection, "", call.url)
        try:
            async with transport.send(call, where) as answer:
                body = await answer.body(_LARGEST)
        except NotFound as error:
            msg = f"{connection.slug} has no list of models ({error.status})."
            hint = f"Name one as it calls it: {connection.slug}:MODEL"
            raise NotFound(msg, status=error.status, hint=hint, where=call.url) from None
        models, cursor = read(body, where)
        for model in models:
            found.setdefault(model.id, model)
        if cursor in cursors:
            break
        cursors.add(cursor)
    return tuple(found.values())


def read(body: bytes, where: Place) -> tuple[list[Model], str]:
    """
    Read one page: its models, and what the next page begins after, or nothing.

    Knows the lists of Anthropic, OpenRouter, Vercel, llama.cpp, Ollama and OpenAI. What is odd in an item is
    left out; raises `BadReply` for what is no list at all.
    """
    try:
        page = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("data", ...), list | None):
        msg = f"{where.connection} answered with something that is no list of models."
        raise BadReply(msg, hint="Check the base URL.", where=where.url)
    items = [item for item in page.get("data") or [] if isinstance(item, dict)]
    models = [model for item in items if (model := _model(item, where)) is not None]
    last = page.get("last_id")
    more = page.get("has_more") is True and isinstance(last, str)
    return models, str(last) if more else ""


def _call(connection: Connection, cursor: str) -> HttpCall:
    query = {"limit": str(_PAGE)} | ({"after_id": cursor} if cursor else {})
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "anthropic-version": VERSION,
        **auth_header(connection),
    }
    versioned = connection.wire == "openai-completions"  # its base URL has the version, under whatever name
    path = f"{connection.base_url}{'' if versioned else '/v1'}/models"
    return HttpCall("GET", f"{path}?{urllib.parse.urlencode(query)}", headers, b"")


def _model(item: dict[str, Any], where: Place) -> Model | None:
    """Read one item; None where it has no id, or is of a kind that answers with something else than text."""
    name = item.get("id")
    kind = item.get("type", "")
    if not isinstance(name, str) or not name.strip() or kind not in _TEXT_MODELS:
        return None
    pricing = _dict(item.get("pricing"))
    shown = item.get("display_name") or item.get("name")
    return Model(
        id=where.clean(name, _NAME),
        name=where.clean(shown, _NAME) if isinstance(shown, str) else "",
        context=_count(item, "max_input_tokens", "context_length", "context_window")
        or _count(_dict(item.get("meta")), "n_ctx", "n_ctx_train"),
        images=_images(item),
        price_in=_price(pricing, "prompt", "input"),
        price_out=_price(pricing, "completion", "output"),
    )


def _images(item: dict[str, Any]) -> bool | None:
    """Say whether it takes images, by the word of whichever form the list has."""
    said = _dict(_dict(item.get("capabilities")).get("image_input")).get("supported")
    if isinstance(said, bool):
        return said
    for words, image in (
        (_dict(item.get("architecture")).get("input_modalities"), "image"),
        (item.get("tags"), "vision"),
    ):
        if isinstance(words, list):
            return image in words
    return None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(item: dict[str, Any], *names: str) -> int | None:
    return next((v for n in names if isinstance(v := item.get(n), int) and not isinstance(v, bool) and v > 0), None)


def _price(pricing: dict[str, Any], *names: str) -> float | None:
    """Return a price in USD per million tokens; lists have it per token, as text. Below zero means it varies."""
    for name in names:
        try:
            price = float(pricing[name]) * 1_000_000
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        return round(price, 6) if math.isfinite(price) and price >= 0 else None
    return None
