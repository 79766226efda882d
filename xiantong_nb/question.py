"""One question with the conversation it goes on from: how it is asked of any target, what becomes of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xiantong_nb.attached import attach
from xiantong_nb.chats import Chat, Origin, Turn, continued
from xiantong_nb.connection import refuse_keys
from xiantong_nb.errors import UsageError
from xiantong_nb.prices import kept_within
from xiantong_nb.request import Message, Request, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence

    from xiantong_nb.connection import Connection, Listed, Target
    from xiantong_nb.lane import Attach, Lane
    from xiantong_nb.options import Options
    from xiantong_nb.reply import Reply


class Question:
    """
    What is asked, the same of every target.

    The conversation is read when the question is made, and changed only when an answer `goes_on`. Raises `UsageError`
    for an empty prompt.
    """

    def __init__(self, prompt: str, options: Options, origin: Origin, chats: MutableMapping[str, Chat]) -> None:
        if not isinstance(prompt, str):
            raise UsageError(f"A question is text, not {type(prompt).__name__}.")
        if not prompt.strip():
            raise UsageError("There is nothing to ask: the question is empty.")
        self.prompt = prompt
        self.options = options
        self._origin = origin
        self._chats = chats
        self._afresh = options.new and not options.alone
        held = Chat() if options.alone else chats.setdefault(options.chat, Chat())
        self._past = Chat() if options.new else held.before(origin)
        self._dropped = 0 if options.new else len(held.turns) - len(self._past.turns)
        self._within = ""
        self._mine: list[Turn] = []

    def lanes(
        self,
        targets: Sequence[Target],
        askable: Mapping[str, Connection],
        listed: Listed,
        make: Callable[..., Lane],
        *,
        alone: bool,
    ) -> list[Lane]:
        """
        Return a lane for each target, none of them sent; one that is `alone` says what is to be said of the question.

        `make` makes a Lane of a target, a request and its options. Raises `UsageError` for a question that holds the
        key of one that is `askable`, and where all together could exceed the budget.
        """
        options = self.options
        refuse_keys(f"{self.prompt}\n{options.system}", askable)
        asked = [(self.request(target), target) for target in targets]
        if options.budget is not None:
            self._within = kept_within(options.budget, asked, listed)
        notes = self.notes(dropping=True) if alone else ()
        return [
            make(
                target,
                request,
                notes=(*target.notes, *notes),
                others=tuple(slug for slug, c in askable.items() if c.could_answer and slug != target.connection.slug),
                attach=_attaching(target, listed) if options.images else None,
            )
            for request, target in asked
        ]

    def notes(self, *, dropping: bool) -> tuple[str, ...]:
        """Say what it may cost, what is continued, and, of an answer that goes on by itself, what that drops."""
        goes_on = continued(self.options.chat, self._past, self._dropped if dropping else 0)
        return tuple(note for note in (self._within, *goes_on) if note)

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
        turn = Turn(self._origin, str(lane.target), lane.request.messages[-1], Message("assistant", reply.blocks))
        self._mine.append(turn)
        held.add(turn)
        return name

    def request(self, target: Target) -> Request:
        """Return what one target is asked."""
        options = self.options
        # a budget needs to know how long an answer may get
        most = options.max_tokens or (target.connection.preset.max_tokens if options.budget is not None else None)
        return Request(
            model=target.model,
            messages=(*self._past.messages(str(target)), Message("user", (*options.images, Text(self.prompt)))),
            max_tokens=most,
            system=options.system,
            temperature=options.temperature,
            stop=options.stop,
        )


def _attaching(target: Target, listed: Listed) -> Attach:
    """Return what makes a request's images fit its target."""
    return lambda request, transport: attach(request, target, transport, listed)
