"""What a question carries: what was typed, what goes along with it, and what was said before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xiantong_nb.errors import UsageError
from xiantong_nb.fitting import in_words
from xiantong_nb.prices import kept_within
from xiantong_nb.request import Document, Image, Message, Prompt, Request, Text

if TYPE_CHECKING:
    from xiantong_nb.connection import Listed, Target
    from xiantong_nb.options import Options


def typed(prompt: object) -> Prompt:
    """Return a prompt as it was typed; raises `UsageError` for what is no text, and for one that is empty."""
    if not isinstance(prompt, Prompt):
        if not isinstance(prompt, str):
            raise UsageError(f"A question is text, not {type(prompt).__name__}.")
        prompt = Prompt((Text(prompt),))
    if not any(isinstance(block, Image) or block.text.strip() for block in prompt.blocks):
        raise UsageError("There is nothing to ask: the question is empty.")
    return prompt


def said(prompt: Prompt, options: Options) -> str:
    """Return all the text that a question would carry, to be searched for keys."""
    schema = options.schema.in_words if options.schema else ""
    texts = (block.text for block in options.files if isinstance(block, Text))
    return "\n".join((*texts, prompt.text, options.system, schema))


def message(prompt: Prompt, options: Options, target: Target) -> Message:
    """
    Return the turn of whoever asks: what is to be looked at first, then texts, then the question.

    Raises `UsageError` for a document where the endpoint can't read one: some drop it without a word.
    """
    documents = [block for block in options.files if isinstance(block, Document)]
    connection = target.connection
    if documents and connection.wire not in connection.preset.documents:
        msg = f"{documents[0].name} can't be read by {connection.slug}: it takes no documents by {connection.wire}."
        raise UsageError(msg, hint="Give its text, or its pages as images (--image).")
    texts = [block for block in options.files if isinstance(block, Text)]
    return Message("user", (*documents, *options.images, *texts, *prompt.blocks))


def request(
    target: Target, past: tuple[Message, ...], asked: Message, options: Options, listed: Listed
) -> tuple[Request, str]:
    """
    Return what is asked of a target, and what it could cost at most, for its footer, where there is a budget.

    A schema goes to the endpoint where that knows what to do with it.

    Raises `UsageError` for what could cost more than the budget.
    """
    connection = target.connection
    has_facility = connection.wire in connection.preset.schemas
    schema = options.schema.portable if options.schema and has_facility else None
    made = Request(
        model=target.model,
        messages=(*past, asked),
        max_tokens=options.max_tokens,
        system=options.system,
        temperature=options.temperature,
        stop=options.stop,
        effort=options.effort,
        schema=schema,
    )
    if options.schema and schema is None:
        made = in_words(made, options.schema)
    if options.budget is None:
        return made, ""
    made = replace(made, max_tokens=made.max_tokens or connection.preset.max_tokens)
    return made, kept_within(options.budget, made, target, listed, times=2 if options.schema else 1)
