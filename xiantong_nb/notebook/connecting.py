"""The commands that make, change and remove saved connections, and the questions of the wizard in text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from xiantong_nb import secret, upkeep
from xiantong_nb.api import session
from xiantong_nb.draft import Draft, embedded, listed_at, savable, settled
from xiantong_nb.errors import ProviderError, StoreError, Unreachable, UsageError
from xiantong_nb.upkeep import saved
from xiantong_nb.wizard import Wizard

if TYPE_CHECKING:
    import argparse

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.draft import Problem
    from xiantong_nb.notebook.screen import Screen
    from xiantong_nb.probe import Outcome

_TRIES = 3


def connect(screen: Screen, asked: argparse.Namespace) -> None:
    """Connect a provider: its key, its URL, a model; tested, then saved for every kernel."""
    described = _draft(asked, preset=asked.preset or "", name=asked.name or "")
    if here := embedded(described, default=asked.default):
        _begin_embedded(here, screen)
        return
    wizard = Wizard(session(), described)
    by_form = _by_form(screen, asked)
    if not _fill(wizard, screen, interview=not asked.preset and not asked.base_url, by_form=by_form):
        screen.show_form("form", settled(wizard.draft), default=asked.default)
        return
    target = _finish(wizard, screen, asked)
    if wizard.draft.key is None and target.connection.key and not target.connection.key_variable:
        screen.say("Its saved key was kept; --ask-key asks for another.")
    wizard.begin()
    _told(target, screen)


def edit(screen: Screen, asked: argparse.Namespace) -> None:
    """Change a saved connection; what is not said stays, the key too. It is tested again."""
    connection = saved(session(), asked.connection)
    wizard = Wizard(session(), _draft(asked), editing=connection)
    by_form = _by_form(screen, asked)
    nothing_said = wizard.draft == Draft()
    if nothing_said and not by_form:
        _interview(wizard, connection, screen)
    if (nothing_said and by_form) or not _fill(wizard, screen, by_form=by_form):
        screen.show_form("edit", wizard.draft, slug=connection.slug, default=asked.default)
        return
    target = _finish(wizard, screen, asked)
    if wizard.begin():
        _told(target, screen)


def rename(screen: Screen, asked: argparse.Namespace) -> None:
    """Change the name that is shown; the slug stays, since the desktop app's sessions hold on to it."""
    connection, name = saved(session(), asked.connection), " ".join(asked.text)
    notes = session().store.rename(connection.slug, name)
    screen.say(f"{connection.slug} is now shown as {name}.")
    screen.say_all(notes)


def remove(screen: Screen, asked: argparse.Namespace) -> None:
    """Remove a saved connection and its key, for every kernel and the desktop app."""
    slug, notes = upkeep.remove(session(), asked.connection)
    screen.say(f"{slug} is removed, its key too.")
    screen.say_all(notes)


def show_test(screen: Screen, outcome: Outcome) -> Outcome:
    """Show the stages of a test, and return it."""
    rows = [(stage.name, f"{stage.seconds * 1000:.0f} ms", stage.said) for stage in outcome.stages]
    if outcome.error is not None:
        rows.append((outcome.failed_at, "failed", ""))
    screen.say(f"Test of {outcome.target} at {outcome.url}")
    screen.table(("stage", "after", ""), rows)
    return outcome


def _told(target: Target, screen: Screen) -> None:
    if screen.lasts:  # else it ends with this command, and the next one asks everyone's default
        screen.say(f"This kernel now asks {target}.")


def _begin_embedded(target: str, screen: Screen) -> None:
    from xiantong_nb import probe

    outcome = show_test(screen, probe.test(session(), target))
    if outcome.error is not None:
        raise outcome.error
    session().use(target)
    screen.say(
        f"This kernel now asks {outcome.target}: a scripted toy model on this machine, not a language model. "
        "It is saved nowhere and ends with the kernel."
    )


def _by_form(screen: Screen, asked: argparse.Namespace) -> bool:
    """Say whether what is missing is asked for by a form; what no form can do, and `--text`, is asked by prompts."""
    return screen.forms and not (asked.text or asked.no_test or getattr(asked, "unsaved", False))


def _draft(asked: argparse.Namespace, **more: Any) -> Draft:
    return Draft(
        base_url=asked.base_url or "",
        key_variable=asked.key_env or "",
        model=asked.model or "",
        api=asked.api or "",
        auth_header=asked.auth_header,
        images=asked.images or "",
        ask_key=asked.ask_key,
        no_key=asked.no_key,
        allow_http=asked.allow_http or None,
        **more,
    )


def _fill(wizard: Wizard, screen: Screen, *, interview: bool = False, by_form: bool = False) -> bool:
    """
    Ask for what is missing, and again for what was answered wrongly; what the line says wrongly is an error.

    Where a form is to ask for what is missing, this asks nothing, and returns False; so it does where an endpoint fails
    to list its models: the form looks there itself, and says what it meets.
    """
    try:
        return _filled(wizard, screen, interview=interview, by_form=by_form)
    except (Unreachable, ProviderError):
        if by_form:
            return False
        raise


def _filled(wizard: Wizard, screen: Screen, *, interview: bool, by_form: bool) -> bool:
    answered: Counter[str] = Counter()
    while not wizard.check() or (interview and not answered["model"]):
        problem = wizard.problem
        if by_form and (problem is None or problem.missing):
            return False
        if problem is None:  # all is there, and the person has not been asked about the model yet
            target = wizard.ready()
            answered["model"] += 1
            question = f"{listed_at(target.connection.preset)} Model [{target.model}]: ".lstrip()
            wizard.edit(model=screen.ask(question, missing=""))
            continue
        if answered[problem.field] == _TRIES or not (problem.missing or answered[problem.field]):
            raise problem.error()
        if not problem.missing:
            screen.say(f"{problem.message} {problem.hint}")
        answered[problem.field] += 1
        if problem.field == "preset":
            answered["base_url"] = 1  # a URL is an answer, too
        wizard.edit(**_answer(problem, screen))
    return True


def _answer(problem: Problem, screen: Screen) -> dict[str, Any]:
    """Ask the one question that a problem calls for."""
    missing = str(problem)
    match problem.field:
        case "preset":
            return {"preset": screen.ask(f"{', '.join(savable())}, or a URL: ", missing=missing)}
        case "key":
            return {"key": _key(problem, screen), "ask_key": False}
        case "base_url":
            return {"base_url": screen.ask("Base URL: ", missing=missing)}
        case _:
            question = problem.question("Model") if problem.missing else "Model: "
            return {"model": screen.ask(question, missing=missing)}


def _key(problem: Problem, screen: Screen) -> secret.Secret:
    """Ask for a key, unseen; raises `UsageError` after some that no header can carry."""
    left = _TRIES
    while True:
        left -= 1
        typed = screen.ask(problem.question("Key (not shown)"), unseen=True, missing=str(problem))
        try:
            key, notes = secret.cleaned(typed, name="the answer")
        except UsageError as error:
            if not left:
                raise
            screen.say(str(error))
        else:
            screen.say_all(notes)
            return key


def _interview(wizard: Wizard, connection: Connection, screen: Screen) -> None:
    """Ask for each setting of a connection; an empty answer keeps what is."""
    hint = f"%xiantong edit {connection.slug} takes options: %xiantong edit -h"
    url = screen.ask(f"Base URL [{connection.base_url}]: ", missing=hint)
    model = screen.ask(f"Model [{connection.default_model}]: ", missing=hint)
    wizard.edit(base_url=url, model=model)
    if connection.key is None and not connection.preset.needs_key:
        return
    typed = screen.ask("Key, not shown (empty keeps the saved one): ", unseen=True, missing=hint)
    if typed:
        key, notes = secret.cleaned(typed, name="the answer")
        screen.say_all(notes)
        wizard.edit(key=key)


def _finish(wizard: Wizard, screen: Screen, asked: argparse.Namespace) -> Target:
    """Test and save, and say how it went; raises what failed the test, with nothing saved."""
    target = wizard.ready()
    screen.say_all(wizard.notes)
    if not asked.no_test:
        outcome = show_test(screen, wizard.probe())
        if outcome.instead is not None and _wanted(outcome, screen):
            wizard.take(outcome)
            if wizard.check():
                target, outcome = wizard.ready(), show_test(screen, wizard.probe())
        if outcome.error is not None:
            screen.say("Nothing was saved.")
            raise outcome.error
    if getattr(asked, "unsaved", False):
        wizard.keep(untested=asked.no_test)
        screen.say(f"{target.connection.slug} is kept by this kernel until it ends. Nothing was written.")
        return target
    try:
        notes = wizard.save(default=asked.default, untested=asked.no_test)
    except StoreError as error:
        if not screen.lasts:
            raise
        wizard.keep(untested=asked.no_test)
        screen.say(str(error))
        screen.say(f"This kernel keeps {target.connection.slug} until it ends, its key in memory only.")
        return target
    screen.say(f"{'Saved' if asked.no_test else 'Tested and saved'}: {target.connection.slug}.")
    screen.say_all(notes)
    return target


def _wanted(outcome: Outcome, screen: Screen) -> bool:
    """Ask whether to connect in the way that works; where nobody can answer, the error's hint names it."""
    try:
        answer = screen.ask(f"That failed; with {outcome.options} it works. Connect so? [yes]: ", missing="")
    except UsageError:
        return False
    return answer.lower() in ("", "y", "yes")
