"""One hostile text as either wire would bring it: the events of a stream, in the part of the answer it stands in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fault_server import BLOCK, BLOCK_END, END, START, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.torture.hostile.replies import Said

FINE = "and that was it"


def _text(said: Said) -> list[str]:
    """Return the pieces of the answer's text."""
    match said.part:
        case "text":
            return said.pieces
        case "json":
            return [json.dumps({"a": said.text, said.text: [said.text, 1, None]})]
    return [FINE]


def messages(said: Said) -> list[bytes]:
    """Return the events of an answer of the wire `anthropic-messages`."""
    start, stop = START, {"stop_reason": "end_turn", "stop_sequence": None}
    body = [BLOCK, *map(text, _text(said)), BLOCK_END]
    match said.part:
        case "thinking":
            thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in said.pieces]
            body = [*_block(1, {"type": "thinking", "thinking": ""}, thoughts), *body]
        case "tool":
            pieces = [json.dumps({"path": said.text, said.text: 1}), '{"half": ' + json.dumps(said.text)[:-1]]
            inputs = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            body += _block(1, {"type": "tool_use", "id": said.text, "name": said.text}, inputs)
        case "source":
            kinds = ({"url": said.text, "title": said.text}, {"document_title": said.text}, {"url": said.text})
            cited = [{"type": "citations_delta", "citation": kind | {"cited_text": said.text}} for kind in kinds]
            body += [{"type": "content_block_delta", "index": 0, "delta": each} for each in cited]
        case "refusal":
            details = {"type": "refusal", "category": said.text, "explanation": said.text}
            stop = {"stop_reason": "refusal", "stop_details": details}
        case "model":
            start = {**START, "message": {**START["message"], "model": said.text, "id": said.text}}
            stop = {"stop_reason": said.text, "stop_sequence": said.text}
    events = (start, *body, {**END[0], "delta": stop}, END[1])
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def chat(said: Said) -> list[bytes]:
    """Return the events of an answer of the wire `openai-completions`."""
    model, reason = "m", "stop"
    deltas: list[dict] = [{"content": piece} for piece in _text(said)]
    match said.part:
        case "thinking":
            deltas = [{"reasoning_content": piece} for piece in said.pieces] + deltas
        case "tool":
            call = {"name": said.text, "arguments": json.dumps({"path": said.text})}
            deltas += [{"tool_calls": [{"index": 0, "id": said.text, "function": call}]}]
        case "source":
            cited = {"type": "url_citation", "url_citation": {"url": said.text, "title": said.text}}
            deltas += [{"annotations": [cited, {"type": said.text, "title": said.text}]}]
        case "refusal":
            deltas += [{"refusal": piece} for piece in said.pieces]
        case "model":
            model, reason = said.text, said.text
    chunks = [_chunk(model, delta, None) for delta in deltas] + [_chunk(model, {}, reason)]
    return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]


WIRES: dict[str, Callable[[Said], list[bytes]]] = {"anthropic-messages": messages, "openai-completions": chat}


def _block(index: int, start: dict, deltas: list[dict]) -> list[dict]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _chunk(model: str, delta: dict, reason: str | None) -> dict:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "model": model, "choices": [choice]}
