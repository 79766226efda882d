"""
Every failure a user can meet, each one true sentence and the next thing to do.

    XiantongError
    ├── UsageError           the call is wrong: an option, a name, a value
    │   └── NotConnected     nothing to ask yet
    ├── StoreError           a file of connections or keys (has .path)
    │   ├── Unreadable       it can't be read, or not be trusted; it is left as it is
    │   ├── NotSaved         it could not be written; what was there still is
    │   └── StoreBusy        another program holds its lock
    ├── EngineError          the embedded engine can't start or run here
    ├── Unreachable          no answer from the endpoint: refused, DNS, TLS, proxy, time-out
    ├── ProviderError        the endpoint answered, with a failure (has .status and .request_id)
    │   ├── KeyRefused       401, 403
    │   ├── OutOfCredit      402, spend limits: never retried
    │   ├── NotFound         404: the path
    │   │   └── UnknownModel 404: the model
    │   ├── RequestRefused   400, 413, 422: the request itself
    │   ├── BadReply         an answer that is not in the wire's form
    │   └── Busy             408, 409, 429, 5xx: worth another try later
    ├── UnfitReply           it is whole, but not what its schema asks for; .reply holds it
    ├── IncompleteReply      the stream ended early; .reply holds what came
    └── NoAnswer             no target of a comparison gave a whole answer; .comparison holds what came

An error never holds the request, its headers or a key. It may quote models, endpoints and files: its texts have passed
the filter for terminals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from xiantong_nb.safe_terminal import terminal

if TYPE_CHECKING:
    from xiantong_nb.comparison import Comparison
    from xiantong_nb.reply import Reply

E = TypeVar("E", bound=BaseException)


class XiantongError(Exception):
    """
    What failed, in one sentence; `.where` says at which endpoint, `.hint` what to do next.

    The message alone makes one of any class: an exception that crosses a process boundary is made so.
    """

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        self.message, self.hint, self.where = terminal(message), terminal(hint), terminal(where)
        super().__init__(self.message)

    @property
    def lines(self) -> list[str]:
        """What failed, where, what to do next: those that are known."""
        return [part for part in (self.message, self.where, self.hint) if part]

    def __str__(self) -> str:
        return "\n".join(self.lines)


class UsageError(XiantongError):
    """The call itself is wrong: an option, a name or a value."""


class NotConnected(UsageError):
    """There is nothing to ask yet."""


class StoreError(XiantongError):
    """A file of connections or keys can't be used; `.path` is the file."""

    def __init__(self, message: str, *, path: str = "", hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where or path)
        self.path = path


class Unreadable(StoreError):
    """The file can't be read, or not be trusted. It has not been touched."""


class NotSaved(StoreError):
    """The file could not be written; what was there still is."""


class StoreBusy(StoreError):
    """Another program holds the file's lock."""


class EngineError(XiantongError):
    """The embedded engine can't start or run on this machine."""


class Unreachable(XiantongError):
    """
    The endpoint gave no answer.

    `.kind` is one of `refused`, `dns`, `tls`, `proxy`, `certificates`, `timeout` (of connecting), `silent` (connected,
    then nothing in time), `cut`, `other`.
    """

    def __init__(self, message: str, *, kind: str = "other", hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.kind = kind


class ProviderError(XiantongError):
    """
    The endpoint answered with a failure.

    `.status` is the HTTP status, or for an error inside a stream the one it stands for; `.kind` the provider's
    own error type, `.request_id` its id for the request, `.retry_after` the wait it asks for in seconds,
    `.should_retry` its own word on asking again, None where it has none.
    """

    should_retry: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        kind: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
        hint: str = "",
        where: str = "",
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.status = status
        self.kind = kind
        self.request_id = request_id
        self.retry_after = retry_after


class KeyRefused(ProviderError):
    """The endpoint refused the key, or the key has no right to this."""


class OutOfCredit(ProviderError):
    """Credits or a spend limit are used up; waiting does not help."""


class NotFound(ProviderError):
    """The model or the path does not exist at this endpoint."""


class UnknownModel(NotFound):
    """The model does not exist at this endpoint."""


class RequestRefused(ProviderError):
    """The endpoint refused the request itself."""


class BadReply(ProviderError):
    """The endpoint answered with something that is not in the wire's form."""


class Busy(ProviderError):
    """The endpoint is limited, overloaded or broken for now."""


class IncompleteReply(XiantongError):
    """The stream ended before its end; `.reply` holds what came."""

    def __init__(self, message: str, *, reply: Reply | None = None, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.reply = reply


class UnfitReply(XiantongError):
    """The answer is whole and does not fit the schema that it was asked for; `.reply` holds it."""

    def __init__(self, message: str, *, reply: Reply | None = None, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.reply = reply


class NoAnswer(XiantongError):
    """No target of a comparison gave a whole answer; `.comparison` holds what came, and the error of each."""

    def __init__(self, message: str, *, comparison: Comparison | None = None, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.comparison = comparison


def bare(error: E) -> E:
    """Drop an error's frames and causes, and return it: HTTP libraries' own errors quote headers and hold requests."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error
