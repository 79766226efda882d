"""A key that shows itself nowhere: masked in every form, with one way out."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn

from xiantong_nb.errors import UsageError

_NEVER_IN_A_KEY = frozenset(" \"'`")
_SHOWN = 4
_LONG_ENOUGH_TO_SHOW_AN_END = 16


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
        text = text.strip()
        if not text:
            msg = f"The key in {name} is empty."
            raise UsageError(msg, hint="Paste the key again; it is one line of letters and digits.")
        if not text.isascii() or not text.isprintable() or _NEVER_IN_A_KEY & set(text):
            msg = f"The key in {name} holds a character that no key has (a blank, a line end, a quote)."
            raise UsageError(msg, hint="Copy the key again from the provider's page, without what is around it.")
        return cls(text)

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def masked_in(self, text: str) -> str:
        """Return a foreign text without the key in it: some endpoints send back the key that they refuse."""
        return text.replace(self._text, self._masked) if self._text else text

    @property
    def _masked(self) -> str:
        return "…" + (self._text[-_SHOWN:] if len(self._text) >= _LONG_ENOUGH_TO_SHOW_AN_END else "")

    def __repr__(self) -> str:
        return f"Secret({self._masked})"

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
