"""Images and documents that go along with a question: whether they are taken, and in which form."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from xiantong_nb.connection import place
from xiantong_nb.errors import UsageError
from xiantong_nb.request import Document, HttpCall, Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xiantong_nb.connection import Connection, Listed, Target
    from xiantong_nb.request import Message, Request
    from xiantong_nb.transport import Transport

_LARGEST = 20 * 1024 * 1024  # bytes of an image that is fetched


def takes_images(connection: Connection, model: str, listed: Listed) -> tuple[bool | None, str]:
    """
    Say whether a model takes images, and by whose word; (None, "") where nobody knows.

    The user's word on the model comes first, then that on the endpoint, as in the desktop app. Without one, an endpoint
    of one's own is for text only, and of any other its list decides.
    """
    if (said := connection.images.get(model)) is not None:
        return said, "the connection's setting for that model (supportsImages)"
    if connection.all_images is not None:
        return connection.all_images, "the connection's setting for the endpoint (customEndpoint.supportsImages)"
    if connection.preset.embedded:
        return False, "the toys read text alone"
    if connection.preset.guessed:
        return False, "endpoints of your own are for text until images are switched on"
    listing = listed(connection)
    found = listing.find(model) if listing else None
    if found is not None and found.images is not None:
        return found.images, f"what {connection.slug} lists"
    return None, ""


async def attach(
    request: Request, target: Target, transport: Transport, listed: Listed
) -> tuple[Request, tuple[str, ...]]:
    """
    Return a request with the images of its question as the endpoint takes them, in their places, and notes.

    Raises `UsageError` for a document that can't be read there, where the model is known to take no images, or for what
    is none, and what fetching one raises.
    """
    *before, question = request.messages
    _refuse_documents(target, question)
    images = [block for block in question.blocks if isinstance(block, Image)]
    if not images:
        return request, ()
    await asyncio.to_thread(_refuse, target, listed)  # it may ask for a list, and this loop serves others meanwhile
    made, notes = await _fetched(images, target, transport)
    fitting = iter(made)
    blocks = tuple(next(fitting) if isinstance(block, Image) else block for block in question.blocks)
    return replace(request, messages=(*before, replace(question, blocks=blocks))), notes


def _refuse_documents(target: Target, question: Message) -> None:
    """Raise `UsageError` for a document where the endpoint can't read one: some drop it without a word."""
    connection = target.connection
    documents = [block.name for block in question.blocks if isinstance(block, Document)]
    if documents and connection.wire not in connection.preset.documents:
        msg = f"{documents[0]} can't be read by {connection.slug}: it takes no documents by {connection.wire}."
        raise UsageError(msg, hint="Give its text, or its pages as images (--image).")


def _refuse(target: Target, listed: Listed) -> None:
    """Raise `UsageError` where a model is known to take no images; where nobody knows, the endpoint decides."""
    connection, model = target.connection, target.model
    takes, why = takes_images(connection, model, listed)
    if takes is False:
        way = connection.base_url if connection.preset.guessed else connection.preset.slug
        change = f"edit {connection.slug}" if connection.saved else f"connect {way}"
        hint = f"If it does: %xiantong {change} --model {model} --images, or --images all."
        raise UsageError(f"{target} takes no images: {why}.", hint="" if connection.preset.embedded else hint)


async def _fetched(
    images: Iterable[Image], target: Target, transport: Transport
) -> tuple[tuple[Image, ...], tuple[str, ...]]:
    """
    Return images as the endpoint takes them, and notes: those it can't fetch by their URL itself are fetched here.

    Of many images each has to be smaller than of a few.
    """
    from xiantong_nb.pictures import FEW, picture, small

    made, notes = [], []
    for image in images:
        if not image.url or target.connection.preset.image_urls:
            made.append(image)
            continue
        call = HttpCall("GET", image.url, {"accept": "image/*", "accept-encoding": "identity"}, b"")
        async with transport.send(call, place(_nobody(target), "", image.url)) as answer:
            data = await answer.body(_LARGEST)
        made.append(picture(data, name=image.url))
        notes.append(f"fetched {image.url}")
    return tuple(made if len(made) <= FEW else map(small, made)), tuple(notes)


def _nobody(target: Target) -> Connection:
    """Return the connection without its key: a picture's host is none of its business."""
    return replace(target.connection, key=None, key_from="", slug=f"the image for {target.connection.slug}")
