"""What a question carries: what was typed, what goes along with it, and in which form its answer is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xiantong_nb.errors import UsageError
from xiantong_nb.fitting import in_words
from xiantong_nb.request import Document, Image, Message, Prompt, Request, Text

if TYPE_CHECKING:
    from xiantong_nb.connection import Target
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


def message(prompt: Prompt, options: Options) -> Message:
    """Return the turn of whoever asks: what is to be looked at first, then texts, then the question."""
    documents = [block for block in options.files if isinstance(block, Document)]
    texts = [block for block in options.files if isinstance(block, Text)]
    return Message("user", (*documents, *options.images, *texts, *prompt.blocks))


def request(target: Target, past: tuple[Message, ...], asked: Message, options: Options) -> Request:
    """Return what is asked of a target; a schema goes to the endpoint where that knows what to do with it."""
    connection = target.connection
    has_facility = connection.wire in connection.preset.schemas
    schema = options.schema.portable if options.schema and has_facility else None
    # a budget needs to know how long an answer may get
    most = options.max_tokens or (connection.preset.max_tokens if options.budget is not None else None)
    made = Request(
        model=target.model,
        messages=(*past, asked),
        max_tokens=most,
        system=options.system,
        temperature=options.temperature,
        stop=options.stop,
        effort=options.effort,
        schema=schema,
    )
    return in_words(made, options.schema) if options.schema and schema is None else made


def without_form(asked: Message, options: Options) -> Message:
    """Return the turn as a chat keeps it: what was said of the answer's schema was for that answer alone."""
    form = Text(options.schema.in_words) if options.schema else None
    return replace(asked, blocks=tuple(block for block in asked.blocks if block != form))
