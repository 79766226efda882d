"""What hostile replies say, and in which part of an answer they say it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from tests.corpus import CORPUS

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTACKS: dict[str, str] = json.loads((CORPUS / "attacks.json").read_text(encoding="utf-8"))
"""By name; `@URL@` stands for an address that nobody may ask for, `@JS@` for a statement that must not run."""

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
        tag = f"ran{place}N{list(ATTACKS).index(self.name)}P{self.part}S{self.size}"
        text = self.text.replace("@URL@", f"{canary}/{tag}").replace("@JS@", f"top.{tag}=1")
        return replace(self, tag=tag, text=text)

    @property
    def pieces(self) -> list[str]:
        """The text as it comes."""
        size = self.size or max(len(self.text), 1)
        return [self.text[at : at + size] for at in range(0, len(self.text), size)]


def everything() -> list[Said]:
    """Every text in an answer's text, in pieces of every size; and in every other part, the sizes in turn."""
    said = [Said(name, text, size=size) for size in SIZES for name, text in ATTACKS.items()]
    for turn, part in enumerate((*PARTS, *ENDINGS)):
        said += [Said(name, text, "", part, SIZES[(n + turn) % 3]) for n, (name, text) in enumerate(ATTACKS.items())]
    return said


def some() -> list[Said]:
    """Every text in an answer's text, in another part and in an ending; sizes, parts and endings in turn."""
    said = []
    for n, (name, text) in enumerate(ATTACKS.items()):
        for turn, parts in enumerate((("text",), PARTS, ENDINGS)):
            said.append(Said(name, text, "", parts[n % len(parts)], SIZES[(n + turn) % 3]))
    return said


def written(said: Iterable[Said]) -> str:
    """Return them as JSON, for the kernel."""
    return json.dumps([asdict(each) for each in said])


def read(text: str) -> list[Said]:
    """Return what was written."""
    return [Said(**each) for each in json.loads(text)]
