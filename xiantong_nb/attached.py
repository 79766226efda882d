"""Images that go along with a question: whether the model takes them, in which form the endpoint does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xiantong_nb.connection import place, takes_images
from xiantong_nb.errors import UsageError, XiantongError
from xiantong_nb.request import HttpCall, Image, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.models import Listing, Model
    from xiantong_nb.request import Request
    from xiantong_nb.transport import Transport

_LARGEST = 20 * 1024 * 1024  # bytes of an image that is fetched


async def attach(
    request: Request,
    target: Target,
    transport: Transport,
    listing: Listing | None,
    keep: Callable[[tuple[Model, ...]], Listing],
) -> tuple[Request, tuple[str, ...]]:
    """
    Return a request with the images of its question as the endpoint takes them, and notes.

    Raises `UsageError` where the model is known to take none, or for what is no image, and what fetching one raises. A
    list of models that had to be asked for goes to `keep`.
    """
    question = request.messages[-1]
    images = [block for block in question.blocks if isinstance(block, Image)]
    rest = [block for block in question.blocks if not isinstance(block, Image)]
    await _refuse(target, listing, transport, keep)
    made, notes = await _fetched(images, target, transport)
    return replace(request, messages=(*request.messages[:-1], Message("user", (*made, *rest)))), notes


async def _refuse(
    target: Target, listing: Listing | None, transport: Transport, keep: Callable[[tuple[Model, ...]], Listing]
) -> None:
    """Raise `UsageError` where a model is known to take no images; of what nobody knows the endpoint is asked once."""
    from xiantong_nb.catalog import listed

    connection, model = target.connection, target.model
    takes, why = takes_images(connection, model, listing)
    if takes is None and listing is None and not connection.preset.embedded:
        try:
            takes, why = takes_images(connection, model, keep(await listed(connection, transport)))
        except XiantongError:
            return  # then the endpoint decides
    if takes is False:
        edit = f"%xiantong edit {connection.slug} --model {model} --images"
        raise UsageError(f"{target} takes no images: {why}.", hint=f"If it does: {edit}, or --images all.")


async def _fetched(
    images: Iterable[Image], target: Target, transport: Transport
) -> tuple[tuple[Image, ...], tuple[str, ...]]:
    """Return images as the endpoint takes them: those that it can't fetch by their URL itself are fetched here."""
    from xiantong_nb.pictures import picture

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
    return tuple(made), tuple(notes)


def _nobody(target: Target) -> Connection:
    """Return the connection without its key: a picture's host is none of its business."""
    return replace(target.connection, key=None, key_from="", slug=f"the image for {target.connection.slug}")
