"""The magics as Python functions; they paint nothing."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
from typing import TYPE_CHECKING, Any, overload

from xiantong_nb import keyboard, probe
from xiantong_nb.draft import Draft, embedded
from xiantong_nb.errors import UsageError, bare
from xiantong_nb.interrupts import one_interrupt
from xiantong_nb.options import Options
from xiantong_nb.secret import cleaned
from xiantong_nb.session import Session
from xiantong_nb.wizard import Wizard

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor

    from xiantong_nb.comparison import Comparison
    from xiantong_nb.connection import Connection
    from xiantong_nb.rehearsal import Rehearsal
    from xiantong_nb.reply import Reply
    from xiantong_nb.results import Results
    from xiantong_nb.scoring import Scorer
    from xiantong_nb.streaming import Stream


_SESSION = Session()
atexit.register(_SESSION.close)


def session() -> Session:
    """Return this process's session: the one that the magics use too."""
    return _SESSION


def ask(prompt: str, target: str | None = None, **options: Any) -> Reply:
    """
    Ask and wait for the whole answer.

    `target` is `connection`, `connection:model` or a model of the connection in use; None, or nothing, is the
    target in use. Options are those of `%%ask`: `system`, `max_tokens`, `temperature`, `stop` (a string or several),
    `image` (one or several: paths, URLs, bytes, Pillow images, figures, arrays), `file` (one or several paths),
    `schema` (a pydantic model, a JSON schema as a dict, a dataclass: the answer is read into `.data`), `effort`,
    `reuse`, `budget` in USD, `chat`, `new`, `alone`. From Python a question stands alone unless `chat` names a
    chat, and names in braces stay as they are: f-strings do that.

    Raises a `XiantongError`: `UsageError` for the call, `Unreachable` or a `ProviderError` for the endpoint,
    `IncompleteReply` (with `.reply`) for an answer that broke off, `UnfitReply` (likewise) for one that is not what its
    schema asks for.
    """
    with one_interrupt(), stream(prompt, target, **options) as under_way:
        return under_way.result()


def stream(prompt: str, target: str | None = None, **options: Any) -> Stream:
    """
    Ask, and iterate over the events as they come.

        with stream("hello", "demo") as events:
            for event in events:
                if isinstance(event, TextDelta):
                    print(event.text, end="")
        reply = events.result()

    Leaving the block early stops the model. Options as for `ask`. A wrong call raises `UsageError` at once; what fails
    later ends the events, and `result()` raises it, as `ask` does.
    """
    return session().open(prompt, target, _options(options))


async def aask(prompt: str, target: str | None = None, **options: Any) -> Reply:
    """Ask without blocking the caller's event loop; cancelling it stops the model. As `ask` otherwise."""
    under_way = await asyncio.to_thread(stream, prompt, target, **options)  # the engine may have to start
    with under_way:
        await under_way.wait()
        return under_way.result()


def dry_run(prompt: str, target: str | None = None, **options: Any) -> Rehearsal:
    """
    Return what `ask` would send, with its tokens counted or estimated; no model is asked.

    It displays itself, the key masked. Options and errors as for `ask`.
    """
    from xiantong_nb.rehearsal import rehearse

    return rehearse(session(), prompt, target, _options(options))


@overload
def compare(prompts: str, targets: Sequence[str] | str, *, data: object, **options: Any) -> Results: ...
@overload
def compare(prompts: str, targets: Sequence[str] | str, *, repeat: int, **options: Any) -> Results: ...
@overload
def compare(prompts: str, targets: Sequence[str] | str, *, score: Scorer | str, **options: Any) -> Results: ...
@overload
def compare(prompts: str, targets: Sequence[str] | str, *, concurrency: int, **options: Any) -> Results: ...
@overload
def compare(prompts: str, targets: Sequence[str] | str, *, keep: str | os.PathLike[str], **options: Any) -> Results: ...
@overload
def compare(prompts: str, targets: Sequence[str] | str, *, executor: Executor, **options: Any) -> Results: ...
@overload
def compare(prompts: str, targets: Sequence[str] | str, **options: Any) -> Comparison: ...
@overload
def compare(prompts: Iterable[str], targets: Sequence[str] | str, **options: Any) -> Results: ...
def compare(
    prompts: str | Iterable[str],
    targets: Sequence[str] | str,
    *,
    data: object = None,
    repeat: int = 1,
    concurrency: int | None = None,
    budget: float | None = None,
    keep: str | os.PathLike[str] | None = None,
    score: Scorer | str | None = None,
    judge_prompt: str | None = None,
    executor: Executor | None = None,
    progress: bool = True,
    **options: Any,
) -> Comparison | Results:
    """
    Ask several targets the same at once, and wait for all; or ask them many prompts, as a table.

        comparison = compare("Explain monads", ["sonnet", "ollama:llama3.2"], max_tokens=300)
        comparison["sonnet"].text, comparison.fastest, comparison.table()

        results = compare("Translate {text}", ["sonnet", "haiku"], data=frame, keep="answers.jsonl", score=judge)
        results.summary(), results.to_frame()

    Options are those of `ask`; `budget` in USD is for all together. Raises `UsageError` for the call, before anything
    is sent.

    **One text** goes to one to eight targets and gives a Comparison. A lane that fails is an empty reply with its
    reason in `.errors`; where no target gave a whole answer, `NoAnswer` is raised (with `.comparison`). With `chat=`
    the lanes are asked with that chat, which stays as it is until `.continue_with(target)`.

    **Several** (a list, a Series, a template with `data`: a DataFrame, a dict of columns or a list of dicts), or one
    with any of what follows, give Results: a cell per prompt, target and repeat. A cell that fails keeps its error. An
    interrupt stops everything; what came is `last()`.

    - `repeat`: how often each is asked.
    - `concurrency`: questions at once to one connection, 4 unless said; fewer after it was busy.
    - `budget`: what all could cost is said first, and asking stops before it is exceeded.
    - `keep`: a file in which every whole answer is kept as it comes; the same call again asks only what is missing.
      Raises `StoreError` where it can't be used.
    - `score`: a function of (prompt, reply) that gives a number, a bool or text; or a target that judges, asked by
      `judge_prompt` with `{prompt}` and `{answer}`.
    - `executor`: any of `concurrent.futures`' kind; its workers open connections by their names, no key is sent.
    - `progress`: show a bar.
    """
    named = [targets] if isinstance(targets, str) else list(targets)
    asked = _options(options if budget is None else options | {"budget": budget})
    table = (data, concurrency, keep, score, judge_prompt, executor)
    if isinstance(prompts, str) and repeat == 1 and all(each is None for each in table):
        with one_interrupt(), session().compare(prompts, named, asked) as under_way:
            return under_way.result()
    from xiantong_nb.prompts import prompts_in
    from xiantong_nb.tabling import Tabling, Terms

    if not asked.alone:
        raise UsageError("A table's questions stand alone: they go on from no chat.", hint="Leave out chat and alone.")
    terms = Terms(repeat, concurrency, keep, score, judge_prompt, executor, progress)
    return Tabling(session(), prompts_in(prompts, data), named, asked, terms).run()


def last() -> Reply | Comparison | Results | None:
    """Return what was asked last in this process: a Reply, Comparison or Results, whole or partial; else None."""
    return session().last


def connect(
    preset: str = "", *, default: bool = False, no_test: bool = False, unsaved: bool = False, **described: Any
) -> Connection:
    """
    Connect a provider: test it, save it for every kernel, and ask it from now on.

        connect("openrouter", model="openai/gpt-4o", key_env="OPENROUTER_API_KEY")

    `preset` is a preset's name or a URL; `described` are the options of `%xiantong connect`:

    - `base_url`, `model`, `name`;
    - `key_env`: the variable that holds the key; only its name is saved. A key is never an argument, which would stand
      in the notebook: it is asked for at a prompt. `ask_key` and `no_key` (bool): ask for one, or for none, where it
      would be otherwise;
    - `api`: the wire, "anthropic-messages" or "openai-completions"; `auth_header`: "x-api-key" or "bearer";
    - `images`: True if its model takes them, "all" or "none" for the endpoint;
    - `allow_http` (bool): let the key cross the network by http:// to another machine.

    `default` makes it everyone's default, `no_test` saves it untested, `unsaved` keeps it for this process alone and
    writes nothing. The demo is a model at most: it is always tested, and never saved.

    Raises `UsageError` for what is missing or wrong, the endpoint's error when the test fails, and `StoreError`
    when it can't be saved; then nothing is.
    """
    try:
        return _connected(preset, described, default=default, no_test=no_test, unsaved=unsaved)
    except BaseException as error:  # noqa: BLE001 - none keeps its frames, which hold what was typed and every saved key
        raise bare(error) from None


def _connected(preset: str, described: dict[str, Any], *, default: bool, no_test: bool, unsaved: bool) -> Connection:
    """Connect, with all that a traceback could show of it."""
    said = _by_field(described, Draft, {"key_variable": "key_env"}, hidden=("preset", "key"))
    if isinstance(images := said.get("images"), bool):
        said["images"] = "model" if images else "none"
    draft = Draft(preset, **said)
    if target := embedded(draft, default=default):
        if (error := probe.test(session(), target).error) is not None:
            raise error
        return session().use(target).connection
    wizard = Wizard(session(), draft)
    while not wizard.check():
        problem = wizard.needs()
        if problem.field != "key" or not problem.missing:
            raise problem.error()
        typed = keyboard.ask(problem.question("Key (not shown)"), unseen=True, missing=str(problem))
        wizard.edit(key=cleaned(typed, name="the answer")[0], ask_key=False)
    if not no_test and (error := wizard.probe().error) is not None:
        raise error
    if unsaved:
        wizard.keep(untested=no_test)
    else:
        wizard.save(default=default, untested=no_test)
    return session().use(str(wizard.ready())).connection


def connections() -> dict[str, Connection]:
    """
    Return what can be asked now, by slug: what is saved, what the environment holds, the demo.

    One that can't be asked has a `fault` that says why. Raises `Unreadable` where the settings can't be read.
    """
    return session().connections()


def _by_field(given: dict[str, Any], made: type, named: dict[str, str], hidden: tuple[str, ...]) -> dict[str, Any]:
    """Return options by the fields of what is made of them; `named` are those that an option calls otherwise."""
    fields = {named.get(f.name, f.name): f.name for f in dataclasses.fields(made) if f.name not in hidden}
    if unknown := [name for name in given if name not in fields]:
        raise UsageError(f"There is no option {unknown[0]!r}.", hint=f"Options are {', '.join(fields)}.")
    return {fields[name]: value for name, value in given.items()}


def _options(given: dict[str, Any]) -> Options:
    alone = given.get("alone", "chat" not in given)
    given = _by_field(given, Options, {"images": "image", "files": "file"}, hidden=("notes",))
    stop = given.get("stop") or ()
    images = _several(given.get("images"))
    if images:
        from xiantong_nb.pictures import picture

        images = tuple(picture(each, name=f"image {number}") for number, each in enumerate(images, 1))
    files = _several(given.get("files"))
    notes: tuple[str, ...] = ()
    if files:
        from xiantong_nb.inlined import inlined

        read = [inlined(path) for path in files]
        files = tuple(block for block, _ in read)
        notes = (f"with {', '.join(told for _, told in read)}",)
    schema = given.get("schema")
    if schema is not None:
        from xiantong_nb.shape import shape

        schema = shape(schema)
    stop = (stop,) if isinstance(stop, str) else tuple(stop)
    made = {"stop": stop, "alone": alone, "images": images, "files": files, "notes": notes, "schema": schema}
    return Options(**given | made)


def _several(given: Any) -> tuple[Any, ...]:
    """Return what stands in an option that takes none, one or several: an array is one, and has no truth to ask for."""
    if isinstance(given, list | tuple):
        return tuple(given)
    return () if given is None or (isinstance(given, str) and not given) else (given,)
