"""Chats of a kernel: what was said, and what of it goes along with the next question."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from xiantong_nb.events import about_tokens
from xiantong_nb.request import Block, Document, Image, Message, Redacted, Text, Thinking


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Which run of which cell asked.

    `cell` is the front end's id for it, or empty where it gives none; `run` tells two runs of one cell apart,
    and makes several questions of the same run neighbours instead of replacements.
    """

    cell: str = ""
    run: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its whole answer, with who asked and who answered (`target` as `slug:model`)."""

    origin: Origin
    target: str
    question: Message
    answer: Message


@dataclass(slots=True)
class Chat:
    """One named chat."""

    turns: list[Turn] = field(default_factory=list)

    def before(self, origin: Origin) -> Chat:
        """
        Return the chat as it was before this cell was run first: without its turn and all later ones.

        A copy: the turns are dropped for good only when a whole answer takes their place.
        """
        for at, turn in enumerate(self.turns):
            if origin.cell and turn.origin.cell == origin.cell and turn.origin.run != origin.run:
                return Chat(self.turns[:at])
        return Chat(list(self.turns))

    def messages(self, target: str) -> tuple[Message, ...]:
        """
        Return the chat as it is sent to `target`.

        Images and documents go back only to the target that has taken them: another may refuse them, or drop them
        without a word. Reasoning goes back only to the model that signed it: providers refuse it from another one, and
        without a signature it proves nothing.
        """
        sent: list[Message] = []
        for turn in self.turns:
            blocks = tuple(b for b in turn.answer.blocks if _goes_back(b, same=turn.target == target))
            asked = turn.question if turn.target == target else _as_text(turn.question)
            sent += [asked, Message("assistant", blocks)]
        return tuple(sent)

    def add(self, turn: Turn) -> None:
        """Append a finished turn; an answer without any text is no answer to go on from."""
        if any(isinstance(b, Text) and b.text for b in turn.answer.blocks):
            self.turns.append(turn)

    def about_tokens(self) -> int:
        """Return roughly how many tokens the chat adds to the next question."""
        characters = sum(
            len(b.text) for t in self.turns for m in (t.question, t.answer) for b in m.blocks if isinstance(b, Text)
        )
        return about_tokens(characters)


def _as_text(question: Message) -> Message:
    """Return a question without what is no text; where nothing is left, it says what there was: none may be empty."""
    texts = tuple(b for b in question.blocks if isinstance(b, Text))
    if not any(b.text.strip() for b in texts):
        kinds = dict.fromkeys(_NAMES[type(b)] for b in question.blocks if type(b) in _NAMES)
        texts = (Text(f"({', '.join(kinds)})"),)
    return replace(question, blocks=texts)


_NAMES: dict[type, str] = {Image: "an image", Document: "a document"}


def _goes_back(block: Block, *, same: bool) -> bool:
    match block:
        case Text(text):
            return bool(text)
        case Thinking(_, signature):
            return same and bool(signature)
        case Redacted():
            return same
    return False  # tool calls have no result here, and providers refuse one without


def continued(name: str, chat: Chat, dropped: int) -> list[str]:
    """Say what a question continues, and what re-running its cell dropped."""
    notes = []
    if chat.turns:
        notes.append(f"chat {name}, {counted(len(chat.turns))}, about {chat.about_tokens():,} tokens")
    if dropped:
        notes.append(f"re-run: dropped {counted(dropped)}")
    return notes


def counted(turns: int) -> str:
    """Say how many turns: `1 turn`, `2 turns`."""
    return f"{turns:,} turn{'' if turns == 1 else 's'}"
