"""
What a form's page asks, done: the meaning of each slip, without threads or a user interface.

It keeps the last test that was made, with its key, so that a save need not send that again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xiantong_nb import ollama, probe, shown, slips
from xiantong_nb.base_url import is_loopback, origin
from xiantong_nb.draft import Problem, check
from xiantong_nb.errors import NotFound, StoreError, UsageError, XiantongError
from xiantong_nb.presets import PRESETS
from xiantong_nb.upkeep import choose, noted, remove, saved
from xiantong_nb.wizard import Wizard

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.probe import Outcome
    from xiantong_nb.secret import Secret
    from xiantong_nb.session import Session
    from xiantong_nb.shown import Json
    from xiantong_nb.ticket import Ticket

_UNTESTED: Json = {"stages": [], "failed_at": "", "url": "", "target": "", "notes": [], "instead": None, "key": ""}
Answer = tuple[str, "Json"]
"""The type of a message and what it tells."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take, in seconds: what asks an endpoint; the same on this machine; a tested key's stay."""

    errand: float = 30.0
    local: float = 600.0  # a server may have to load its model first
    kept: float = 600.0


USUAL = Times()


class _Wrong(Exception):  # what a person has still to change, on its way to the answer
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Kept:
    """The last test that was made of a draft. Its wizard has the key, and `place` is the origin it was entered for."""

    of: int | str
    described: slips.Described
    wizard: Wizard
    place: str
    until: float


class Clerk:
    """Does what one page asks of a session. What is changed is told with the state that it leads to."""

    def __init__(self, session: Session, times: Times) -> None:
        self._session = session
        self._times = times
        self._kept: _Kept | None = None
        self._last: Json = {}

    def do(self, slip: slips.Slip, key: slips.Typed, ticket: Ticket) -> Answer:
        """Do it; raises `XiantongError`s, for whoever answers."""
        try:
            return self._do(slip, key, ticket)
        except _Wrong as wrong:
            return "result", shown.refused(wrong.problem)

    def news(self) -> Answer:
        """Return what has changed since the page was last told; no type, where nothing has."""
        before = self._last
        now = self._state()
        return ("state", now) if now["state"] != before else ("", {})

    def forget(self, of: int | str | None = None, *, old: bool = False) -> None:
        """Forget the key of a test: of this one, or one that is `old`, or any."""
        kept = self._kept
        if kept is not None and (time.monotonic() > kept.until if old else of in (None, kept.of)):
            self._kept = None

    def _do(self, slip: slips.Slip, key: slips.Typed, ticket: Ticket) -> Answer:
        session = self._session
        match slip:
            case slips.Hello():
                return "hello_ok", self._state()
            case slips.Check(draft=described):
                return "checked", self._check(described)
            case slips.Models():
                return "models", self._models(slip, key)
            case slips.Test(draft=None, slug=slug) if slug:
                return "result", self._test_saved(ticket, slug)
            case slips.Test(draft=slips.Described() as described, slug=""):
                return "result", self._test(ticket, slip, described, key)
            case slips.Test():
                raise UsageError("A test is of a draft, or of a saved connection.")
            case slips.Save():
                return "saved", self._save(slip, key)
            case slips.Use(target=target, default=default):
                return "state", self._state(choose(session, target, everyone=default).notes)
            case slips.Remove(slug=slug):
                return "state", self._state(remove(session, slug)[1])
            case slips.Rename(slug=slug, name=name):
                if not name.strip() or not name.isprintable():
                    raise UsageError("A name is needed.")
                return "state", self._state(session.store.rename(saved(session, slug).slug, name.strip()))
        return "state", self._state()

    def _state(self, notes: tuple[str, ...] = ()) -> Json:
        self._last = shown.state(self._session)
        return {"state": self._last, "notes": list(notes)}

    def _check(self, described: slips.Described) -> Json:
        wrong = described.wrong()
        said, preset = described.draft(), PRESETS.get(described.preset)
        return shown.checked(said, wrong or self._found(described, None), preset)

    def _found(self, described: slips.Described, key: Secret | None) -> Connection | Problem:
        """See what a draft comes to, without asking anybody."""
        known = self._session.saved() | self._session.here
        return check(described.draft(key), known, self._session.variables, self._editing(described))

    def _editing(self, described: slips.Described) -> Connection | None:
        return saved(self._session, described.slug) if described.slug else None

    def _wizard(self, described: slips.Described, typed: slips.Typed, of: int | str | None) -> tuple[Wizard, str]:
        """
        Return a wizard for a draft with its key, and the origin that is for.

        The key of an earlier test is used again at the endpoint that it was entered for, and nowhere else.
        """
        wrong = described.wrong()
        if wrong is None and typed.fault is not None:
            wrong = Problem("key", typed.fault.message, typed.fault.hint)
        if wrong is not None:
            raise _Wrong(wrong)
        found = self._found(described, None)
        connection = found.connection if isinstance(found, Problem) else found
        place = origin(connection.base_url) if connection is not None else ""
        key, kept = typed.key, self._kept
        if key is None and kept is not None and (kept.of, kept.place) == (of, place):
            key = None if described.no_key or described.key_variable else kept.wizard.draft.key
        return Wizard(self._session, described.draft(key), editing=self._editing(described)), place

    def _allow(self, ticket: Ticket, connection: Connection) -> None:
        """Give a test the time that it may need there."""
        if connection.preset.embedded or is_loopback(connection.base_url):
            ticket.limit(self._times.local)

    def _models(self, slip: slips.Models, typed: slips.Typed) -> Json:
        made, _ = self._wizard(slip.draft, typed, slip.of)
        found = self._found(slip.draft, made.draft.key)
        if isinstance(found, Problem):
            if found.field != "model" or found.connection is None:
                raise _Wrong(found)
            found = found.connection
        described = found
        connection, version = self._session.run(lambda transport: ollama.recognised(described, transport))
        told_version = version if connection.preset.own_routes else None
        local = is_loopback(connection.base_url)
        try:
            listing, source = self._session.lists.look(connection, fresh=local or made.draft.key is not None)
        except XiantongError as error:
            told = shown.failure(error, keyless=connection.key is None)
            told |= {"kind": "no_model_list"} if isinstance(error, NotFound) else {}
            return told | {"models": [], "source": "", "ollama": shown.ollama_state(told_version)}
        return shown.listing(listing, source, told_version)

    def _test(self, ticket: Ticket, slip: slips.Test, described: slips.Described, typed: slips.Typed) -> Json:
        made, place = self._wizard(described, typed, slip.of)
        self._kept = _Kept(slip.id, described, made, place, time.monotonic() + self._times.kept)
        if ticket.scope.cancelled:
            self.forget(slip.id)
        shown_key = {"key": made.draft.key.shown if made.draft.key else ""}
        if not made.check():
            return _UNTESTED | shown.refused(made.needs()) | shown_key
        connection = made.ready().connection
        self._allow(ticket, connection)
        outcome = made.probe(lambda stage: ticket.say(shown.progress(stage)))
        notes = (*typed.notes, *made.notes)
        told = shown.outcome(outcome, notes, keyless=connection.key is None)
        return told | shown_key | {"instead": _instead(outcome)}

    def _test_saved(self, ticket: Ticket, text: str) -> Json:
        """Test a target as it is, and note that it passed."""
        target = self._session.target(text)
        self._allow(ticket, target.connection)
        outcome = probe.test(self._session, target, show=lambda stage: ticket.say(shown.progress(stage)))
        notes = noted(self._session, target.connection) if outcome.passed else ()
        return shown.outcome(outcome, (*target.notes, *notes), keyless=target.connection.key is None)

    def _save(self, slip: slips.Save, typed: slips.Typed) -> Json:
        kept = self._kept if self._kept is not None and self._kept.of == slip.of else None
        if kept is not None and kept.described == slip.draft and not typed and kept.wizard.target is not None:
            made = kept.wizard
        else:
            made, _ = self._wizard(slip.draft, typed, slip.of)
            if not made.check():
                raise _Wrong(made.needs())
        try:
            notes, only_here = made.save(default=slip.default, untested=slip.untested), False
        except StoreError as error:
            made.keep(untested=slip.untested)
            notes, only_here = (str(error),), True
        self._kept = None
        target = made.ready()
        connection = target.connection
        made.begin()
        told = {"ok": True, "slug": connection.slug, "target": str(target), "key": shown.masked(connection)}
        state = self._state((*made.notes, *notes))
        return told | {"where": state["state"]["where"], "only_here": only_here, **state}


def _instead(outcome: Outcome) -> Json | None:
    """Return what a draft has to say for the test to pass, and how that is called as options."""
    other = outcome.instead
    if other is None:
        return None
    draft = {"api": other.wire, "base_url": other.base_url, "auth_header": other.auth_header}
    return {"options": outcome.options, "draft": draft}
