"""What would be sent, without sending it: the call, the messages as a person reads them, how many tokens they are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import bundle, safe
from xiantong_nb.connection import place
from xiantong_nb.errors import XiantongError
from xiantong_nb.events import about_tokens
from xiantong_nb.request import Document, Image, Text
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from xiantong_nb.chats import Origin
    from xiantong_nb.failures import Place
    from xiantong_nb.options import Options
    from xiantong_nb.request import Block, HttpCall, Prompt, Request
    from xiantong_nb.session import Session
    from xiantong_nb.transport import Transport

_IMAGE_TOKENS = 1600  # at most, of one that Anthropic takes without making it smaller
_MOST = 64 * 1024  # bytes of an answer that holds one figure


@dataclass(frozen=True, slots=True, repr=False)
class Rehearsal:
    """
    A question that was not asked; displays as Markdown.

    `headers` have the key masked, `body` is what goes on the wire, decoded. `tokens` is how much it would be to read,
    `counted` whether that is the endpoint's own figure; `how` says where it is from.
    """

    target: str
    method: str
    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    tokens: int
    counted: bool
    how: str
    notes: tuple[str, ...] = ()
    messages: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Who says what, in order, as text; images and documents are named."""

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v}" for k, v in self.body.items() if k not in ("messages", "system"))
        lines = [f"Not sent: {self.target}", f"{self.method} {self.url}"]
        lines += [f"  {name}: {value}" for name, value in self.headers.items()]
        lines += [f"  {options}", *(f"\n[{role}]\n{said}" for role, said in self.messages)]
        lines += [f"\n{self._size()}", *self.notes]
        return safe.terminal("\n".join(lines))

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        rows = [(name, value) for name, value in self.headers.items()]
        rows += [(k, msgspec.json.encode(v).decode()) for k, v in self.body.items() if k not in ("messages", "system")]
        parts = [f"**Not sent**: {bundle.entities(self.target)}"]
        parts.append(f"<code>{bundle.entities(f'{self.method} {self.url}')}</code>")
        parts.append(
            "\n".join(["| | |", "|---|---|", *(f"| {bundle.entities(n)} | {bundle.entities(v)} |" for n, v in rows)])
        )
        parts += [f"**{role}**\n\n{_fenced(said)}" for role, said in self.messages]
        parts.append(f"<sub>{bundle.entities(' · '.join((self._size(), *self.notes)))}</sub>")
        return {"text/markdown": "\n\n".join(parts), "text/plain": repr(self)}, {}

    def _size(self) -> str:
        return f"{'' if self.counted else 'about '}{self.tokens:,} tokens ({self.how})"


class Rehearsals(tuple[Rehearsal, ...]):
    """The same question to several targets, none of which was asked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self))

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        shown = [each._repr_mimebundle_()[0]["text/markdown"] for each in self]  # IPython's protocol
        return {"text/markdown": "\n\n---\n\n".join(shown), "text/plain": repr(self)}, {}


def rehearse(
    session: Session,
    prompt: str | Prompt,
    target: str | None = None,
    options: Options | None = None,
    origin: Origin | None = None,
) -> Rehearsal:
    """
    Return what `ask` would send; no model is asked.

    Where the endpoint counts tokens, it is asked for that. Raises what `ask` raises before it sends.
    """
    options = replace(options, reuse=False) if options else None
    lane = session.open(prompt, target, options, origin).lane
    asked, call = lane.target, session.run(lane.prepare)
    where = place(asked.connection, asked.model, lane.url)
    tokens, how = None, f"estimated: {asked.connection.slug} does not count"
    counting = WIRES[asked.connection.wire].count(call) if asked.connection.preset.counts_tokens else None
    if counting is not None:
        try:
            tokens, how = session.run(lambda t: _counted(counting, where, t)), f"counted by {asked.connection.slug}"
        except XiantongError as error:
            how = f"estimated, since they could not be counted: {error.message}"
    key = asked.connection.key
    return Rehearsal(
        target=str(asked),
        method=call.method,
        url=call.url,
        headers={name: key.masked_in(value) if key else value for name, value in call.headers.items()},
        body=msgspec.json.decode(call.body),
        tokens=_estimated(lane.request) if tokens is None else tokens,
        counted=tokens is not None,
        how=how,
        notes=lane.notes,
        messages=_messages(lane.request),
    )


async def _counted(call: HttpCall, where: Place, transport: Transport) -> int:
    """Ask for a figure; raises what a question would, `BadReply` for an answer without one."""
    from xiantong_nb.errors import BadReply

    async with transport.send(call, where) as answer:
        body = await answer.body(_MOST)
    try:
        count = msgspec.json.decode(body)["input_tokens"]
    except (ValueError, TypeError, KeyError):
        count = None
    if not isinstance(count, int):
        raise BadReply("The count was not in the answer.", where=str(where))
    return count


def _estimated(request: Request) -> int:
    """Return roughly how many tokens a request is to read: four characters each, an image 1,600, a PDF by its size."""
    blocks = [block for message in request.messages for block in message.blocks]
    characters = len(request.system) + sum(len(b.text) for b in blocks if isinstance(b, Text))
    images = _IMAGE_TOKENS * sum(isinstance(b, Image) for b in blocks)
    documents = sum(len(b.data) // 10 for b in blocks if isinstance(b, Document))
    return about_tokens(characters) + images + documents


def _messages(request: Request) -> tuple[tuple[str, str], ...]:
    said = [("system", request.system)] if request.system else []
    return tuple(said + [(m.role, "\n\n".join(_told(b) for b in m.blocks)) for m in request.messages])


def _told(block: Block) -> str:
    match block:
        case Text(text):
            return text
        case Image(media_type, data, url):
            return f"[image: {url or f'{media_type}, {len(data) * 3 // 4:,} bytes'}]"
        case Document(name, media_type, data):
            return f"[document {name}: {media_type}, {len(data) * 3 // 4:,} bytes]"
    return f"[{type(block).__name__.lower()}]"


def _fenced(text: str) -> str:
    """Return a text as a block of code, within a fence that does not occur in what is left of it without controls."""
    text, fence = safe.terminal(text), "```"
    while fence in text:
        fence += "`"
    return safe.markdown(f"{fence}text\n{text}\n{fence}")
