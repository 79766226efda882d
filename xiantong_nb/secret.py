"""A key that shows itself nowhere: masked in every form, with one way out."""

from __future__ import annotations

import hmac
import re
from typing import Any, NoReturn

from xiantong_nb.errors import UsageError
from xiantong_nb.presets import PRESETS

_NEVER_IN_A_KEY = frozenset(" \"'`")
_SHOWN = 4
_LONG_ENOUGH_TO_SHOW_AN_END = 16
_LONG_ENOUGH_TO_BE_NO_WORD = 12
_LONGEST = 8192

# what comes along when a key is copied, and how each is called; a key itself never begins or ends so
_AROUND = (
    (re.compile(r"^(?:export[ \t]+)?[A-Z][A-Z0-9_]*(?:KEY|TOKEN)="), "the variable's name in front of it"),
    (re.compile(r"^bearer[ \t]+", re.IGNORECASE), "the word Bearer in front of it"),
    (re.compile("^[\"'`\u2018\u201c\u201e\u00ab]|[\"'`\u2019\u201d\u201c\u00bb]$"), "quotes around it"),
    (re.compile("^[\ufeff\u200b-\u200f\u2060]+|[\ufeff\u200b-\u200f\u2060]+$"), "invisible characters around it"),
    (re.compile(r"^\s+|\s+$"), "white space around it"),
)
_PLACEHOLDER = re.compile(
    r"\.\.\.$|^<.*>$|^\[.*\]$|^(sk-(ant-|or-)?)?x{3,}$|your[-_ ]?(api[-_ ]?)?(key|token)|^(api[-_]?key|key|token)$",
    re.IGNORECASE,
)
_MASKS = "\u2022\u2026*"

# how providers' keys are shaped, with tails that no word or model name has; those of presets by their prefix
_PREFIXES = "|".join(re.escape(row.key_prefix) for row in PRESETS.values() if row.key_prefix)
_SHAPES = re.compile(
    rf"""(?<![A-Za-z0-9_-])(?:
        (?:{_PREFIXES})[A-Za-z0-9_-]{{20,}}
      | sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{{20,}}   # OpenAI
      | sk-[A-Za-z0-9]{{32,}}                         # OpenAI's older form, DeepSeek and others
      | AIza[A-Za-z0-9_-]{{30,}}                      # Google
      | gsk_[A-Za-z0-9]{{20,}}                        # Groq
      | xai-[A-Za-z0-9]{{20,}}                        # xAI
      | hf_[A-Za-z0-9]{{20,}}                         # Hugging Face
      | gh[pousr]_[A-Za-z0-9]{{30,}} | github_pat_[A-Za-z0-9_]{{30,}}
    )""",
    re.VERBOSE,
)


def looks_like_key(text: str) -> bool:
    """Say whether a text holds something in the shape of a provider's key: those above, never `sk-` alone."""
    return _SHAPES.search(text) is not None


def cleaned(text: str, *, name: str) -> tuple[Secret, tuple[str, ...]]:
    """
    Take a key as people paste it; returns it with notes on what was taken off around it.

    Raises `UsageError` for what no HTTP header can carry, and for what is no key at all. Messages name `name`,
    where the key was found, and no character of the key: HTTP libraries quote the whole header in theirs.
    """
    off: list[str] = []
    before = None
    while before != text:
        before = text
        for pattern, what in _AROUND:
            text, count = pattern.subn("", text)
            if count and what not in off:
                off.append(what)
    if not text:
        msg = f"The key in {name} is empty."
        raise UsageError(msg, hint="Paste the key again; it is one line of letters and digits.")
    if _PLACEHOLDER.search(text) or any(c in text for c in _MASKS):
        msg = f"What {name} holds stands for a key and is none."
        raise UsageError(msg, hint="Copy the whole key from the provider's page; most show it only once.")
    if re.match(r"https?:", text, re.IGNORECASE):
        raise UsageError(f"What {name} holds is a URL, not a key.", hint="The URL goes into --base-url.")
    if not text.isascii() or not text.isprintable() or _NEVER_IN_A_KEY & set(text):
        msg = f"The key in {name} holds a character that no key has (a blank, a line end, a quote)."
        raise UsageError(msg, hint="Copy the key again from the provider's page, without what is around it.")
    if len(text) > _LONGEST:
        raise UsageError(f"What {name} holds is too long for a key.", hint="Copy the key alone.")
    return Secret(text), tuple(f"Taken off the key: {what}." for what in off)


class Secret:
    """
    A key or token.

    repr, str and format show at most its last four characters; pickling is refused, since a pickle is a
    file; a copy is the same object, so that few copies of the text exist. `reveal()` is the one way out,
    and `git grep 'reveal()'` is the audit of who uses it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def from_user(cls, text: str, *, name: str) -> Secret:
        """
        Take a key as people paste them: outer white space goes.

        Raises `UsageError` for what no HTTP header can carry. The message names `name`, where the key was
        found, and no character of the key: HTTP libraries quote the whole header in theirs.
        """
        return cleaned(text, name=name)[0]

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def begins(self, prefix: str) -> bool:
        """Say whether the key begins so."""
        return self._text.startswith(prefix)

    @property
    def is_word(self) -> bool:
        """Whether it is as short as a word, such as `ollama`: then it is not looked for where words stand."""
        return len(self._text) < _LONG_ENOUGH_TO_BE_NO_WORD

    def is_in(self, text: str) -> bool:
        """Say whether a text holds this key, and it is no word."""
        return not self.is_word and self._text in text

    def masked_in(self, text: str) -> str:
        """Return a foreign text without the key, and without long runs of it: some endpoints quote what they refuse."""
        key, run, at = self._text, min(len(self._text), _LONG_ENOUGH_TO_SHOW_AN_END), 0
        while key and at + run <= len(text):
            end = at + run
            if text[at:end] in key:
                while end < len(text) and text[at : end + 1] in key:
                    end += 1
                text = text[:at] + self.shown + text[end:]
                at += len(self.shown)
            else:
                at += 1
        return text

    @property
    def shown(self) -> str:
        """What may be shown of it: its end, if it is long."""
        return "…" + (self._text[-_SHOWN:] if len(self._text) >= _LONG_ENOUGH_TO_SHOW_AN_END else "")

    def __repr__(self) -> str:
        return f"Secret({self.shown})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        ours, theirs = (s._text.encode("utf-8", "surrogatepass") for s in (self, other))  # noqa: SLF001
        return hmac.compare_digest(ours, theirs)

    __hash__ = None  # type: ignore[assignment]  # a hash would be a fingerprint of the key

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = "a Secret cannot be pickled: it would put the key into a file or a message"
        raise TypeError(msg)
