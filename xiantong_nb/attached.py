"""Images that go along with a question: whether the model takes them, in which form the endpoint does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xiantong_nb.connection import place, takes_images
from xiantong_nb.errors import UsageError, XiantongError
from xiantong_nb.request import Document, HttpCall, Image, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.models import Listing
    from xiantong_nb.transport import Transport

_LARGEST = 20 * 1024 * 1024  # bytes of an image that is fetched


def refuse_images(target: Target, listing: Listing | None, ask: Callable[[Connection], Listing]) -> None:
    """Raise `UsageError` where a model is known to take no images; what nobody knows is asked for once (`ask`)."""
    connection, model = target.connection, target.model
    takes, why = takes_images(connection, model, listing)
    if takes is None and listing is None and not connection.preset.embedded:
        try:
            takes, why = takes_images(connection, model, ask(connection))
        except XiantongError:
            return  # then the endpoint decides
    if takes is False and connection.preset.text_only:
        raise UsageError(f"{target} takes no images: {why}.", hint="Ask a model that sees; %xiantong list shows yours.")
    if takes is False:
        edit = f"%xiantong edit {connection.slug} --model {model} --images"
        raise UsageError(f"{target} takes no images: {why}.", hint=f"If it does: {edit}, or --images all.")


def refuse_documents(target: Target, files: Iterable[Text | Document]) -> None:
    """Raise `UsageError` for a document where the endpoint can't read one: some drop it without a word."""
    connection = target.connection
    for file in files:
        if isinstance(file, Document) and connection.wire not in connection.preset.documents:
            msg = f"{file.name} can't be read by {connection.slug}: it takes no documents by {connection.wire}."
            raise UsageError(msg, hint="Give its text, or its pages as images (--image).")


async def fetched(images: Iterable[Image], target: Target, transport: Transport) -> tuple[tuple[Image, ...], list[str]]:
    """
    Return images as the endpoint takes them, and notes: those it can't fetch by their URL itself are fetched here.

    Raises `Unreachable` or a `ProviderError` where that fails, `UsageError` for what is no image.
    """
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
    return tuple(made), notes


def _nobody(target: Target) -> Connection:
    """Return the connection without its key: a picture's host is none of its business."""
    return replace(target.connection, key=None, key_from="", slug=f"the image for {target.connection.slug}")
