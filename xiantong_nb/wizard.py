"""
Connecting step by step, without a user interface: describe, check, probe, save.

    EDITING --check--> CHECKED --probe--> PROBED --save or keep--> SAVED      any edit returns to EDITING

The probe is a real question on the path of every other; what fails it is not saved, unless that is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from xiantong_nb import probe
from xiantong_nb.attached import takes_images
from xiantong_nb.connection import Connection, Target, resolve
from xiantong_nb.draft import Draft, Problem, check
from xiantong_nb.errors import NotFound, UsageError, XiantongError
from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from xiantong_nb.entry import Images
    from xiantong_nb.models import Listing
    from xiantong_nb.probe import Outcome
    from xiantong_nb.session import Session


class State(Enum):
    """How far a connection is."""

    EDITING = "editing"
    CHECKED = "checked"
    PROBED = "probed"
    SAVED = "saved"


class Wizard:
    """
    One connection on its way into the store.

    `problem` is what the last check found, `target` what a probe would ask, `outcome` how the last one went,
    `notes` what is worth showing beside.
    """

    def __init__(self, session: Session, draft: Draft | None = None, *, editing: Connection | None = None) -> None:
        self._session = session
        self._editing = editing
        self.draft = draft or Draft()
        self.state = State.EDITING
        self.problem: Problem | None = None
        self.target: Target | None = None
        self.outcome: probe.Outcome | None = None
        self.notes: tuple[str, ...] = ()
        self._asked: tuple[Connection, Listing | None] | None = None

    def edit(self, **said: Any) -> None:
        """Say more of the connection, or something else; fields are those of a Draft."""
        self.draft = replace(self.draft, **said)
        self.state, self.problem, self.target, self.outcome = State.EDITING, None, None, None

    def check(self) -> bool:
        """
        See whether the draft is a connection; if not, `problem` says what is missing or wrong.

        Where only what the endpoint lists can be asked, and no model is named, the endpoint is asked for it.
        """
        known = self._session.saved() | self._session.here
        found = check(self.draft, known, self._session.variables, self._editing)
        if isinstance(found, Problem) and found.field == "model" and found.missing and found.connection:
            found = self._with_listed_model(found.connection, found)
        if isinstance(found, Problem):
            self.problem = found
            return False
        # a name that has just been said is looked at; one that is saved is taken as it is
        said = replace(found, default_model=found.preset.default_model) if self.draft.model else found
        try:
            target = resolve(said, self.draft.model, self._listed)
        except UsageError as error:
            self.problem = Problem("model", error.message, error.hint)
            return False
        self.target = replace(target, connection=replace(found, default_model=target.model))
        self.notes = (*target.notes, *_about_key(found))
        self.state = State.CHECKED
        return True

    def needs(self) -> Problem:
        """Return what the last check found; raises `UsageError` where there was none."""
        if self.problem is None:
            raise UsageError("Nothing is missing.")
        return self.problem

    def probe(self, show: Callable[[probe.Stage], None] = lambda _: None) -> probe.Outcome:
        """Test what was checked with a tiny real question; `show` gets each stage as it is passed."""
        self.outcome = probe.test(self._session, self.ready(), show=show)
        if self.outcome.passed:
            self.state = State.PROBED
        return self.outcome

    def take(self, outcome: Outcome) -> None:
        """Say what a failed test has found to work; it is to be checked and tested again."""
        if (other := outcome.instead) is not None:
            self.edit(api=other.wire, base_url=other.base_url, auth_header=other.auth_header)

    def save(self, *, default: bool = False, untested: bool = False) -> tuple[str, ...]:
        """
        Save the connection with its key; returns notes worth showing.

        Raises `UsageError` where it was not tested, unless `untested`, and `StoreError` where it can't be
        written: then nothing has changed.
        """
        target, tested = self._tested(untested=untested)
        images = self.draft.images or self._listed_images(target)
        notes = self._session.store.put(target.connection, images=images, default=default, tested=tested)
        self._session.here.pop(target.connection.slug, None)  # it would stand before what is saved now
        self.state = State.SAVED
        return notes

    def keep(self, *, untested: bool = False) -> None:
        """Keep the connection for this process alone, written nowhere. Raises as `save`, but for `StoreError`."""
        target, _ = self._tested(untested=untested)
        kept = _with_images(target.connection, target.model, self.draft.images)
        self._session.here[kept.slug] = replace(kept, saved=False)
        self.state = State.SAVED

    def begin(self) -> bool:
        """Ask it from now on, and say so; one that was edited, only where it is in use already."""
        target, edited = self.ready(), self._editing is not None
        if edited and self._session.in_use(self._session.connections()).partition(":")[0] != target.connection.slug:
            return False
        self._session.prefer(str(target))
        return True

    def ready(self) -> Target:
        """Return what would be asked and saved; raises `UsageError` before a check has passed."""
        if self.target is None:
            raise UsageError("The connection has not been checked yet.")
        return self.target

    def _listed_images(self, target: Target) -> Images:
        """Return what the endpoint's list says of the model's images, for the entry; what the user has said stays."""
        connection = target.connection
        if connection.preset.guessed or connection.all_images is not None or target.model in connection.images:
            return ""
        takes, _ = takes_images(connection, target.model, self._listed)
        return "" if takes is None else "model" if takes else "not model"

    def _tested(self, *, untested: bool) -> tuple[Target, bool]:
        """Return what is ready and whether a test of it has passed."""
        target, tested = self.ready(), self.state is State.PROBED
        if not tested and not untested:
            raise UsageError("It is saved only after a test has passed.", hint="%xiantong connect tests it.")
        return target, tested

    def _listed(self, connection: Connection) -> Listing | None:
        """Return what an endpoint lists now, else what it last listed; it is asked once while it stays the same."""
        described = replace(connection, default_model="")
        if self._asked is None or self._asked[0] != described:
            try:
                listing: Listing | None = self._session.lists.ask(connection)
            except XiantongError:
                listing = self._session.lists.kept(connection)
            self._asked = described, listing
        return self._asked[1]

    def _with_listed_model(self, connection: Connection, problem: Problem) -> Connection | Problem:
        """Take the only model that the endpoint lists; of several, or none, say which there are."""
        try:
            listing = self._session.lists.ask(connection)
        except NotFound:
            return problem
        self._asked, listed = (connection, listing), listing.models
        if len(listed) == 1:
            return replace(connection, default_model=listed[0].id)
        none = f"It has none yet. {connection.preset.if_empty}".strip()
        has = f"It has {', '.join(model.id for model in listed[:12])}." if listed else none
        return replace(problem, help=f"{has} {problem.help}".strip())


def _with_images(connection: Connection, model: str, said: Images) -> Connection:
    """Return a connection as it is read once this word on images is written."""
    match said:
        case "model" | "not model":
            return replace(connection, images={**connection.images, model: said == "model"})
        case "all" | "none":
            return replace(connection, images={} if said == "none" else connection.images, all_images=said == "all")
    return connection


def _about_key(connection: Connection) -> tuple[str, ...]:
    """Warn of a key that looks like another provider's."""
    key, own = connection.key, connection.preset.key_prefix
    if key is None or not own or key.begins(own):
        return ()
    other = next((row.name for row in PRESETS.values() if row.key_prefix and key.begins(row.key_prefix)), "")
    return (f"This key looks like one of {other}, not of {connection.preset.name}.",) if other else ()
