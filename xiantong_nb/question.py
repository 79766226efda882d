"""One question with the conversation it goes on from: how it is asked of any target, what becomes of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xiantong_nb.advice import explained
from xiantong_nb.attached import attach
from xiantong_nb.chats import Chat, Origin, Turn, continued
from xiantong_nb.connection import refuse_keys
from xiantong_nb.errors import UsageError
from xiantong_nb.lane import Lane
from xiantong_nb.prices import refuse_cost
from xiantong_nb.request import Message, Request, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.lane import Attach
    from xiantong_nb.models import Listing, Model
    from xiantong_nb.options import Options
    from xiantong_nb.reply import Reply
    from xiantong_nb.shelf import Shelf
    from xiantong_nb.transport import Transport


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
        self._mine: list[Turn] = []

    def lanes(
        self,
        targets: Sequence[Target],
        askable: Mapping[str, Connection],
        shelf: Shelf,
        transport: Callable[[], Transport],
        keep: Callable[[Reply], None],
        notes: tuple[str, ...] = (),
    ) -> list[Lane]:
        """
        Return a lane for each target, none of them sent; `keep` gets each Reply, every lane says the `notes`.

        Raises `UsageError` for a question that holds the key of one that is `askable`, and where all together could
        exceed the budget.
        """
        options = self.options
        refuse_keys(f"{self.prompt}\n{options.system}", askable)
        asked = [(self._request(target), target, shelf.kept(target.connection)) for target in targets]
        if options.budget is not None:
            refuse_cost(asked, options.budget)
        return [
            Lane(
                target,
                request,
                transport=transport,
                notes=(*target.notes, *notes),
                others=tuple(slug for slug, c in askable.items() if c.could_answer and slug != target.connection.slug),
                attach=_attaching(target, listing, shelf) if options.images else None,
                explain=explained,
                listing=listing,
                keep=keep,
            )
            for request, target, listing in asked
        ]

    def notes(self, *, dropping: bool) -> tuple[str, ...]:
        """Say what is continued, and, of an answer that goes on by itself, what that drops."""
        return tuple(continued(self.options.chat, self._past, self._dropped if dropping else 0))

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

    def _request(self, target: Target) -> Request:
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


def _attaching(target: Target, listing: Listing | None, shelf: Shelf) -> Attach:
    """Return what makes a request's images fit its target, and keeps a list of models that had to be asked for."""

    def keep(models: tuple[Model, ...]) -> Listing:
        return shelf.keep(target.connection, models)

    return lambda request, transport: attach(request, target, transport, listing, keep)
