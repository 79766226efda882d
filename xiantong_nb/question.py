"""One question with the chat it goes on from: how it is asked of any target, what becomes of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xiantong_nb import content
from xiantong_nb.attached import attach
from xiantong_nb.chats import Chat, Origin, Turn, continued
from xiantong_nb.errors import UsageError
from xiantong_nb.fitting import until_it_fits
from xiantong_nb.prices import kept_within
from xiantong_nb.replies import Replies
from xiantong_nb.request import Document, Image, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from xiantong_nb.connection import Connection, Listed, Target
    from xiantong_nb.lane import Lane
    from xiantong_nb.options import Options
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Request, Typed
    from xiantong_nb.secret import Secret
    from xiantong_nb.transport import Transport

    Keys = Sequence[tuple[str, Secret]]


class Question:
    """
    What is asked, the same of every target.

    The chat is read when the question is made, and changed only when an answer `goes_on`. Raises `UsageError`
    for an empty prompt.
    """

    def __init__(self, prompt: Typed, options: Options, origin: Origin, chats: MutableMapping[str, Chat]) -> None:
        self._asked = content.typed(prompt)
        self.prompt = self._asked.text
        self.options = options
        self._origin = origin
        self._chats = chats
        self._afresh = options.new and not options.alone
        held = Chat() if options.alone else chats.setdefault(options.chat, Chat())
        self._past = Chat() if options.new else held.before(origin)
        self._dropped = 0 if options.new else len(held.turns) - len(self._past.turns)
        self._within = self._fault = ""
        self._mine: list[Turn] = []

    def lanes(
        self,
        targets: Sequence[Target],
        askable: Mapping[str, Connection],
        keys: Keys,
        listed: Listed,
        home: Path,
        make: Callable[..., Lane],
        keep: Callable[[Reply], None],
        *,
        alone: bool,
    ) -> list[Lane]:
        """
        Return a lane for each target, none of them sent; one that is `alone` says what is to be said of the question.

        `make` makes a Lane of a target, a request and its options, and `keep` gets its Reply; one that is stored in
        the `home` folder is told again instead. Raises `UsageError` for a question that holds one of the
        `keys`, and where all together could exceed the budget.
        """
        options = self.options
        refuse_keys(content.said(self._asked, options), keys)
        turn = content.message(self._asked, options)
        asked = [
            (content.request(target, self._past.messages(str(target)), turn, options), target) for target in targets
        ]
        if options.budget is not None:
            self._within = kept_within(options.budget, asked, listed, times=2 if options.schema else 1)
        replies = Replies(home, wanted=options.reuse)
        ways = [self._way(request, target, listed, replies, keep) for request, target in asked]
        notes = self.notes(dropping=True) if alone else ()
        return [
            make(
                target,
                request,
                notes=(*target.notes, *notes),
                others=tuple(slug for slug, c in askable.items() if c.could_answer and slug != target.connection.slug),
                shape=options.schema,
                **way,
            )
            for (request, target), way in zip(asked, ways, strict=True)
        ]

    def _way(
        self, request: Request, target: Target, listed: Listed, replies: Replies, keep: Callable[[Reply], None]
    ) -> dict[str, Any]:
        """Return how a lane is asked: not at all where a reply is stored, else so that a whole one will be."""
        if stored := replies.find(request, target):
            told = {"asking": stored.tell, "as_it_was": stored.as_it_was, "attach": stored.attach}
            return {**told, "keep": keep, "located": False}
        self._fault = replies.fault()
        sent = request

        async def attached(request: Request, transport: Transport) -> tuple[Request, tuple[str, ...]]:
            nonlocal sent
            sent, notes = await attach(request, target, transport, listed)
            return sent, notes

        def keep_both(reply: Reply) -> None:
            keep(reply)
            replies.keep(request, sent, target, reply, self.prompt)

        heavy = any(isinstance(block, Image | Document) for block in request.messages[-1].blocks)
        way = {"asking": until_it_fits(self.options.schema), "keep": keep_both}
        return {**way, "attach": attached if heavy else None}

    def notes(self, *, dropping: bool) -> tuple[str, ...]:
        """Say what went in, what it may cost, what is continued, and what an answer drops that goes on by itself."""
        goes_on = continued(self.options.chat, self._past, self._dropped if dropping else 0)
        put_in = (*self._asked.notes, *self.options.notes)
        return tuple(note for note in (*put_in, self._within, self._fault, *goes_on) if note)

    def goes_on(self, lane: Lane, reply: Reply, chat: str = "") -> str:
        """
        Make an answer the next turn of the chat it was asked in, or of another, and return that chat's name.

        It takes the place of turns that this cell, or this question, has put there before, and of all behind those.
        """
        name = chat or self.options.chat
        held = self._chats.setdefault(name, Chat())
        turns = [] if self._afresh and not chat else held.before(self._origin).turns
        mine = [at for at, turn in enumerate(turns) if any(turn is own for own in self._mine)]
        held.turns[:] = turns[: mine[0]] if mine else turns
        asked = content.without_form(lane.request.messages[-1], self.options)
        turn = Turn(self._origin, str(lane.target), asked, Message("assistant", reply.blocks))
        self._mine.append(turn)
        held.add(turn)
        return name


def refuse_keys(text: str, keys: Keys) -> None:
    """Raise `UsageError` for text that holds a key: it would go to a provider, and stand in the notebook."""
    for slug, key in keys:
        if key.is_in(text):
            msg = f"The question holds the key of {slug}, so it was not sent."
            raise UsageError(msg, hint="Take it out of the text, and out of the variable that brought it.")
