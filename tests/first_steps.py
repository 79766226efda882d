"""
The first steps of a newcomer, cell by cell: load, connect, ask, compare, use the value.

Each is what is typed and what they must see of it. Whoever plays them, a host or an environment, shows the text of each
cell in turn; what makes a word bold does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LOAD = "%load_ext xiantong_nb"


@dataclass(frozen=True)
class Step:
    """A cell, and words that it shows."""

    cell: str
    seen: tuple[str, ...] = ()


def journey(url: str, more: str = "") -> tuple[Step, ...]:
    """The steps of a kernel that asks llama.cpp at `url`; `more` is said to `connect`."""
    return (
        Step(LOAD),
        Step(
            f"%xiantong connect custom --name house --base-url {url} --model toy-1 {more}".strip(),
            ("first token", "Tested and saved: house", "This kernel now asks house:toy-1"),
        ),
        Step("%%ask\nhello", ("I am toy-1", "toy-1 · house", "tokens in")),
        Step("print(_.model, _.complete, '**toy-1**' in _.text)", ("toy-1 True True",)),
        Step(
            "%%ask toy-1 toy-2 toy-3 --alone --to made\nhello",
            ("I am toy-1", "I am toy-2", "toy-3", "3 of 3 finished"),
        ),
        Step("print([reply.complete for reply in made], made['toy-2'].model)", ("[True, True, True] toy-2",)),
    )


def elsewhere() -> tuple[Step, ...]:
    """The steps of another kernel of the same person, which finds the connection."""
    return (
        Step(LOAD),
        Step("%xiantong list", ("house",)),
        Step("%%ask house:toy-2\nhello", ("I am toy-2", "toy-2 · house")),
    )


def unseen(steps: Sequence[Step], shown: Sequence[str]) -> list[str]:
    """What should have been seen and was not, with what was shown in its place."""
    return [
        f"{step.cell!r} shows no {words!r} but {text!r}"
        for step, text in zip(steps, shown, strict=True)
        for words in step.seen
        if words not in text.replace("*", "")
    ]
