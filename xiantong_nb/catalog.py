"""What an endpoint lists: its models, with context, image input and price where it says so."""

from __future__ import annotations

import asyncio
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
from xiantong_nb.tolerant import members
from xiantong_nb.unreached import unreachable

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.failures import Place
    from xiantong_nb.transport import Transport

_PAGE, _PAGES = 1000, 20
_LARGEST = 16 * 1024 * 1024  # bytes of one page; OpenRouter's whole list is about 1 MB
_NAME = 200  # characters
_TEXT_MODELS = ("language", "chat", "model", "")  # kinds that answer with text; gateways list others, too


async def listed(connection: Connection, transport: Transport, patience: float) -> tuple[Model, ...]:
    """
    Ask an endpoint for its list; Ollama, whatever it is saved as, by its own routes.

    Raises what a question would: a `ProviderError`, `Unreachable`, also after `patience` seconds; `NotFound` where
    it has no list.
    """
    try:
        async with asyncio.timeout(patience):
            _, version = await ollama.recognised(connection, transport)
            return await (ollama.pulled if version else _pages)(connection, transport)
    except TimeoutError:
        msg = f"{connection.slug} did not list its models within {patience:g} s"
        raise unreachable(msg, "silent", place(connection, "", _call(connection, "").url)) from None


async def _pages(connection: Connection, transport: Transport) -> tuple[Model, ...]:
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
    gives = members(item.get("architecture")).get("output_modalities")
    without_text = isinstance(gives, list) and "text" not in gives
    if not isinstance(name, str) or not name.strip() or kind not in _TEXT_MODELS or without_text:
        return None
    pricing = members(item.get("pricing"))
    if _price(pricing, "request"):
        pricing = {}  # each question costs something beside its tokens
    shown = item.get("display_name") or item.get("name")
    return Model(
        id=where.clean(name, _NAME),
        name=where.clean(shown, _NAME) if isinstance(shown, str) else "",
        context=_count(item, "max_input_tokens", "context_length", "context_window")
        or _count(members(item.get("meta")), "n_ctx", "n_ctx_train"),
        images=_images(item),
        price_in=_price(pricing, "prompt", "input"),
        price_out=_price(pricing, "completion", "output"),
        price_up_to=_price_up_to(pricing),
    )


def _images(item: dict[str, Any]) -> bool | None:
    """Say whether it takes images, by the word of whichever form the list has."""
    said = members(members(item.get("capabilities")).get("image_input")).get("supported")
    if isinstance(said, bool):
        return said
    for words, image in (
        (members(item.get("architecture")).get("input_modalities"), "image"),
        (item.get("tags"), "vision"),
    ):
        if isinstance(words, list):
            return image in words
    return None


def _price_up_to(pricing: dict[str, Any]) -> int | None:
    """Return the size of prompts up to which OpenRouter's prices hold, where others override them; 0: nobody knows."""
    others = pricing.get("overrides")
    if not isinstance(others, list) or not others:
        return None
    return min((_count(members(other), "min_prompt_tokens") or 1) - 1 for other in others)


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
