"""What hostile replies say, and in which part of an answer they say it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from tests.corpus import CORPUS

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTACKS: dict[str, str] = json.loads((CORPUS / "attacks.json").read_text(encoding="utf-8"))
"""
By name; `@URL@` stands for an address that nobody may ask for, `@JS@` for a call that must not run.

The call needs no quotes and no equals sign: Markdown takes no tag for one that has those in a value without quotes.
"""

_IMAGE = "<img src=x onerror=@JS@>"
LONG: dict[str, str] = {
    "a line of a megabyte": "word " * 200_000 + _IMAGE,
    "a table of a hundred thousand columns": f"|{'a|' * 100_000}\n|{'-|' * 100_000}\n|{'b|' * 99_999}{_IMAGE}|",
    "quotes in quotes": f"{'>' * 300} {_IMAGE}",
    "lists in lists": "\n".join(f"{'  ' * depth}- {_IMAGE}" for depth in range(100)),
    "TeX that defines": "$" + r"\def\a{\a\a}" * 1000 + rf"\a$ {_IMAGE}",
}
"""By name: what is hostile by its size, too. It is shown whole, and where it stays only."""
_NAMES = [*ATTACKS, *LONG]
PARTS = ("thinking", "tool", "source", "refusal", "model")
"""Where else in an answer than in its text: reasoning, a tool's name and input, a source, why it ended, who says it."""
ENDINGS = ("json", "failure", "break", "wait")
"""
Where else: in an answer that is JSON and shown as such, in an error instead of an answer, in one that ends it early, in
one that makes the request wait.
"""
SIZES = (1, 7, 0)
"""Characters in each piece of a stream; 0 is all in one."""


@dataclass(frozen=True, slots=True)
class Said:
    """One hostile text as it is said once: `tag` tells it apart wherever it acts."""

    name: str
    text: str
    tag: str = ""
    part: str = "text"
    size: int = 0

    def armed(self, place: str, canary: str) -> Said:
        """Return it with a tag of its own and with what the tag stands for."""
        tag = f"ran{place}N{_NAMES.index(self.name)}P{self.part}S{self.size}"
        text = self.text.replace("@URL@", f"{canary}/{tag}").replace("@JS@", f"top.ran(/{tag}/)")
        return replace(self, tag=tag, text=text)

    @property
    def pieces(self) -> list[str]:
        """The text as it comes."""
        size = self.size or max(len(self.text), 1)
        return [self.text[at : at + size] for at in range(0, len(self.text), size)]


def everything() -> list[Said]:
    """Every text in an answer's text, in pieces of every size, in every other part, the sizes in turn; what is long."""
    said = [Said(name, text, size=size) for size in SIZES for name, text in ATTACKS.items()]
    for turn, part in enumerate((*PARTS, *ENDINGS)):
        said += [Said(name, text, "", part, SIZES[(n + turn) % 3]) for n, (name, text) in enumerate(ATTACKS.items())]
    return [*(Said(name, text, part="long") for name, text in LONG.items()), *said]


def some() -> list[Said]:
    """Every text in an answer's text, in another part and in an ending; sizes, parts and endings in turn."""
    said = []
    for n, (name, text) in enumerate(ATTACKS.items()):
        for turn, parts in enumerate((("text",), PARTS, ENDINGS)):
            said.append(Said(name, text, "", parts[n % len(parts)], SIZES[(n + turn) % 3]))
    return said


def named(tag: str) -> str:
    """Return the name of the reply that a tag is of, or nothing for what holds no tag."""
    found = re.search(r"ran[a-z0-9]+N(\d+)P", tag)
    return _NAMES[int(found[1])] if found else ""


def written(said: Iterable[Said]) -> str:
    """Return them as JSON, for the kernel."""
    return json.dumps([asdict(each) for each in said])


def read(text: str) -> list[Said]:
    """Return what was written."""
    return [Said(**each) for each in json.loads(text)]
