"""What is known of models by their names and lists: which one an alias means, which name was meant; pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Model:
    """
    One listed model; None where the endpoint does not say. Prices are in USD per million tokens.

    They are those of prompts of `price_up_to` tokens at most, where longer ones have others.
    `local` is False for one that leaves the machine although its server is on it.
    """

    id: str
    name: str = ""
    context: int | None = None
    images: bool | None = None
    price_in: float | None = None
    price_out: float | None = None
    price_up_to: int | None = None
    local: bool | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What an endpoint listed, and when, in seconds since 1970."""

    models: tuple[Model, ...]
    at: float

    def find(self, name: str) -> Model | None:
        """Return the model of this id; a name without a tag is Ollama's `:latest`."""
        by_id = {model.id: model for model in self.models}
        return by_id.get(name) or by_id.get(f"{name}:latest")


def matching(models: Iterable[Model], words: str) -> list[Model]:
    """Return the models whose id or name holds every one of these words."""
    wanted = words.lower().split()
    return [model for model in models if all(word in f"{model.id} {model.name}".lower() for word in wanted)]


def nearest(models: Iterable[Model], name: str, count: int = 3) -> list[str]:
    """Return the ids that come nearest to a name, nearest first; what stands before a slash may be missing."""
    ids = [model.id for model in models]
    ends = {each.rpartition("/")[2].lower(): each for each in reversed(ids)}
    found = [ends[end] for end in difflib.get_close_matches(name.lower(), ends, n=count, cutoff=0.6)]
    found += difflib.get_close_matches(name, ids, n=count, cutoff=0.4)
    return list(dict.fromkeys(found))[:count]


def newest(line: str, models: Iterable[Model]) -> str:
    """
    Return the id of the newest Claude of a line (opus, sonnet, haiku) in a list, or nothing.

    By the numbers in its name, which come before the line's word in older ids and after it in newer ones. Dates are no
    version, and variants (`:free`, `-fast`) are not what the bare name of a line means.
    """
    form = re.compile(
        rf"(?:[\w.-]+/)?claude-(?:(?P<before>[\d.-]+)-)?{line}(?:-(?P<after>\d{{1,2}}(?:[.-]\d{{1,2}})*))?(?:[-@]\d{{8}})?"
    )
    found = []
    for model in models:
        if told := form.fullmatch(model.id):
            version = told["after"] or told["before"] or ""
            found.append(([int(n) for n in re.findall(r"\d+", version)], -len(model.id), model.id))
    return max(found)[2] if found else ""


def leaves_the_machine(name: str) -> bool:
    """Say whether a model of Ollama's runs in its cloud: its name says so."""
    return name.endswith((":cloud", "-cloud"))
