"""
Of which kind a failure is: one word that a form shows a mark and a field by.

By the error's class, the status and the reason that it was made with, never by its text. The words of an error are its
own; this only sorts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xiantong_nb.errors import (
    BadReply,
    Busy,
    IncompleteReply,
    KeyRefused,
    NotFound,
    OutOfCredit,
    ProviderError,
    RequestRefused,
    StoreError,
    UnknownModel,
    Unreachable,
    UsageError,
    XiantongError,
)

Kind = Literal[
    "no_key", "bad_key", "forbidden", "model_missing", "wrong_url", "dns", "refused", "tls", "proxy", "timeout",
    "rate_limited", "no_credit", "server", "bad_reply", "no_model_list", "cancelled", "check", "store", "unknown",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """
    Errors of one kind, and the field of a draft to look at first.

    Of a class all are, or those with one of these statuses, or of these reasons (`Unreachable.kind`). `keyless` ones
    are those of a request without a key.
    """

    error: type[XiantongError]
    kind: Kind
    field: str = ""
    status: tuple[int, ...] = ()
    reason: tuple[str, ...] = ()
    keyless: bool = False

    def fits(self, error: XiantongError, *, keyless: bool) -> bool:
        """Say whether an error belongs here."""
        return (
            isinstance(error, self.error)
            and (not self.keyless or keyless)
            and (not self.status or (isinstance(error, ProviderError) and error.status in self.status))
            and (not self.reason or (isinstance(error, Unreachable) and error.kind in self.reason))
        )


_ROWS = (
    _Row(KeyRefused, "no_key", "key", keyless=True),
    _Row(KeyRefused, "forbidden", "key", status=(403,)),
    _Row(KeyRefused, "bad_key", "key"),
    _Row(UnknownModel, "model_missing", "model"),
    _Row(NotFound, "wrong_url", "base_url"),
    _Row(OutOfCredit, "no_credit"),
    _Row(Busy, "rate_limited", status=(429, 529)),
    _Row(Busy, "server"),
    _Row(BadReply, "wrong_url", "base_url", status=(301, 302, 303, 307, 308)),
    _Row(BadReply, "bad_reply", "base_url"),
    _Row(RequestRefused, "bad_reply"),
    _Row(IncompleteReply, "bad_reply", "base_url"),
    _Row(ProviderError, "server"),
    _Row(Unreachable, "dns", "base_url", reason=("dns",)),
    _Row(Unreachable, "refused", "base_url", reason=("refused",)),
    _Row(Unreachable, "tls", "base_url", reason=("tls", "certificates")),
    _Row(Unreachable, "proxy", "base_url", reason=("proxy",)),
    _Row(Unreachable, "timeout", "base_url", reason=("timeout", "silent")),
    _Row(Unreachable, "server", "base_url", reason=("cut",)),
    _Row(StoreError, "store"),
    _Row(UsageError, "check"),
    _Row(XiantongError, "unknown"),
)


def kind_of(error: XiantongError, *, keyless: bool = False) -> tuple[Kind, str]:
    """Return an error's kind and the field to look at, or nothing; `keyless` says that no key was sent."""
    row = next(row for row in _ROWS if row.fits(error, keyless=keyless))
    return row.kind, row.field
