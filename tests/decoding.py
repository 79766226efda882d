"""An endpoint's bytes, decoded as an exchange decodes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from xiantong_nb.errors import ProviderError, XiantongError
from xiantong_nb.failures import Place
from xiantong_nb.reply import Fold, Reply
from xiantong_nb.request import Thinking
from xiantong_nb.sse import Parser
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from xiantong_nb.presets import Wire

PLACE = Place("anthropic", "claude-sonnet-5-5", "https://api.anthropic.com/v1/messages")
MESSAGES: Wire = "anthropic-messages"
CHAT: Wire = "openai-completions"


def decoded(wire: Wire, *chunks: bytes) -> tuple[Reply, XiantongError | None]:
    """What an endpoint's bytes add up to, and what ended them early."""
    parser, decoder, fold, broken = Parser(), WIRES[wire].decoder(PLACE), Fold(), None
    try:
        for chunk in chunks:
            for sent in parser.feed(chunk):
                for event in decoder.feed(sent):
                    fold.add(event)
    except XiantongError as error:
        broken = error
    for event in (*decoder.left(), decoder.end(broken)):
        fold.add(event)
    return fold.reply(), fold.error


def described(reply: Reply, error: XiantongError | None, wanted: dict) -> dict:
    """The same facts of a reply as a sample's description gives."""
    told = {
        "model": reply.model,
        "text": reply.text,
        "thinking": reply.thinking,
        "complete": reply.complete,
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_detail": reply.stop_detail,
        "ignored": reply.ignored_events,
        "tools": [[t.id, t.name, t.arguments] for t in reply.tool_calls],
        "signatures": [b.signature for b in reply.blocks if isinstance(b, Thinking)],
        "kinds": [type(b).__name__ for b in reply.blocks],
        "citations": [c["url"] for c in reply.citations],
        "usage": {name: value for name, value in asdict(reply.usage).items() if value is not None},
        "error": error and [type(error).__name__],
    }
    if isinstance(error, ProviderError):
        told["error"] += [error.status, error.kind, error.request_id]
    return {name: told[name] for name in wanted}
