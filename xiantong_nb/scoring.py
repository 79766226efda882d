"""What an answer is worth: by a function of the caller's, or by another target that judges it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xiantong_nb.errors import UsageError
from xiantong_nb.prompts import filled, names_in

if TYPE_CHECKING:
    from xiantong_nb.reply import Reply

Score = bool | int | float | str
Scorer = Callable[[str, "Reply"], Any]

JUDGE_PROMPT = """\
You are a judge. Rate the answer below from 0 (useless) to 10 (perfect): is it right, does it say what was asked for?
Reply with the number alone.

The question:
{prompt}

The answer:
{answer}"""

_LONGEST = 80  # characters of a verdict in words
_NUMBER = re.compile(
    r"[*_\s]*(?:(?:score|rating|verdict)\s*[:=]?[*_\s]*)?(-?\d+(?:\.\d+)?)[*_\s]*(?:/\s*\d+)?[*_.\s]*", re.IGNORECASE
)
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


class NoScore(ValueError):
    """What came is no score; the text says why."""


@dataclass(frozen=True, slots=True)
class Judge:
    """
    A target that judges the answers of the others, and what it is asked.

    `prompt` holds `{prompt}` and `{answer}`. Raises `UsageError` for one without an answer to judge.
    """

    target: str
    prompt: str = JUDGE_PROMPT

    def __post_init__(self) -> None:
        if "answer" not in names_in(self.prompt):
            raise UsageError("The judge's prompt has no place for the answer.", hint="Write {answer}, and {prompt}.")

    def question(self, prompt: str, answer: str) -> str:
        """Return what the judge is asked about an answer."""
        return filled(self.prompt, {"prompt": prompt, "answer": answer})


def verdict(text: str) -> Score:
    """
    Read what a judge says: a number, also as `7/10` or `Score: 7`, yes or no, else its first line as a label.

    Raises `NoScore` for an answer that is none of these.
    """
    text = text.strip()
    lines = text.split("\n")
    first = lines[0].strip()
    for said in (text, first, lines[-1]):
        if told := _NUMBER.fullmatch(said):
            return _number(told[1])
    word = first.strip("*_. ").lower()
    if word in _WORDS:
        return _WORDS[word]
    if not first:
        raise NoScore("the judge said nothing")
    if len(first) > _LONGEST:
        msg = f"the judge gave no number and no short label, but {first[:_LONGEST]!r} ..."
        raise NoScore(msg)
    return first


def scored(scorer: Scorer, prompt: str, reply: Reply) -> Score | None:
    """Ask a caller's function; None is no score. Raises `NoScore` for what it raises, or gives, that is none."""
    try:
        given = scorer(prompt, reply)
    except Exception as error:  # noqa: BLE001  # whatever a caller's function raises belongs to its cell
        msg = f"the scorer failed: {type(error).__name__}: {error}"
        raise NoScore(msg) from None
    if type(given).__module__ == "numpy" and hasattr(given, "item"):
        given = given.item()
    if given is None or isinstance(given, bool | int | float | str):
        return given
    msg = f"a score is a number, a bool or text, not {type(given).__name__}"
    raise NoScore(msg)


def _number(text: str) -> int | float:
    if math.isinf(float(text)):  # from 4,300 digits on `int` raises, and nothing could be made of a score as large
        msg = f"the judge gave a number of {len(text):,} characters"
        raise NoScore(msg)
    return float(text) if "." in text else int(text)
