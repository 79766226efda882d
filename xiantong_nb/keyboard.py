"""Asking the person at the keyboard, in a terminal or by a notebook's front end."""

from __future__ import annotations

import getpass

from xiantong_nb.errors import UsageError


def ask(question: str, *, unseen: bool = False, missing: str) -> str:
    """
    Ask for one line.

    Raises `UsageError` with `missing` as its hint where nobody can answer: a notebook that is run without a
    front end, a script.
    """
    try:
        # a kernel puts its own in place of both: the front end shows a field, and no answer gets into the history
        return getpass.getpass(question) if unseen else input(question)
    except EOFError:
        pass
    except RuntimeError as error:
        if type(error).__name__ != "StdinNotImplementedError":  # ipykernel's, without importing it
            raise
    raise nobody(missing)


def nobody(missing: str) -> UsageError:
    """Return the error for a question that nobody can answer."""
    return UsageError("Something is missing, and nobody can be asked for it here.", hint=missing)
