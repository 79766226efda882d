"""What can be asked and by which name: connections, and the grammar of targets."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xiantong_nb.base_url import is_loopback
from xiantong_nb.errors import NotConnected, UsageError, XiantongError
from xiantong_nb.failures import Place
from xiantong_nb.models import leaves_the_machine, nearest, newest
from xiantong_nb.presets import PRESETS, AuthHeader, Preset, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xiantong_nb.models import Listing
    from xiantong_nb.secret import Secret

    Listed = Callable[["Connection"], Listing | None]

PROMPT = "your entry"
"""Where a key is from that was entered for a connection that is not saved yet."""
_HARDLY_A_MODEL = 0.92  # how like a slug a word is that was meant for it: openroutr is; gemma3 to gemma is .91


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """
    An endpoint with how it is asked: what a user has chosen, or what the environment holds.

    `key` and `auth_header` go together; without a key no header is sent. `key_from` says where the key was
    found, for messages. `base_url` is normalised; it is empty for the embedded engine until that runs.
    `fault` is why it can't be asked; the others can. `saved` ones stand in the files that the desktop app and
    other kernels share; `foreign` ones there are the app's alone. `unbound`: its key was saved without
    saying for which endpoint. `last_used` is the time of the last good test, in ms since 1970. `warning` is worth
    saying whenever it is asked. `images` says by model whether it takes images, `all_images` of the whole endpoint.
    """

    slug: str
    preset: Preset
    base_url: str
    default_model: str
    auth_header: AuthHeader = "bearer"
    key: Secret | None = None
    key_from: str = ""
    fault: XiantongError | None = field(default=None, compare=False)
    name: str = ""
    wire: Wire = "anthropic-messages"
    models: tuple[str, ...] = ()
    key_variable: str = ""
    allow_http: bool = False
    saved: bool = False
    foreign: bool = False
    unbound: bool = False
    last_used: int | None = None
    warning: str = ""
    images: Mapping[str, bool] = field(default_factory=dict)
    all_images: bool | None = None

    def environment(self, model: str = "") -> dict[str, str]:
        """
        Return the variables that make Claude Code, and what is built on it, ask this connection.

        For `ClaudeAgentOptions(env=...)` and child processes; they hold the key, so they are not to be printed. A
        variable that must not be sent along is there and empty: with both key variables set, Claude Code sends both
        headers. `ANTHROPIC_BASE_URL` is absent where Anthropic itself is asked. Raises the connection's fault, and
        `UsageError` for one that is not asked by Messages, does not run yet, or whose model only its list tells.
        """
        if self.fault is not None:
            raise self.fault
        if self.wire != "anthropic-messages":
            msg = f"{self.slug} speaks {self.wire}, and Claude Code speaks anthropic-messages only."
            raise UsageError(msg, hint=f"If it offers that too: %xiantong edit {self.slug} --api anthropic-messages")
        if not self.base_url:
            raise UsageError(f"{self.slug} does not run yet.", hint=f"%xiantong env {self.slug} starts it.")
        asked = model or self.default_model
        if asked in self.preset.aliases and not self.preset.sure_of_aliases:
            msg = f"Which model {asked} is at {self.slug} is known by its list alone."
            raise UsageError(msg, hint=f"%xiantong env {self.slug} looks there. Or name it: .environment(MODEL)")
        key = self.key.reveal() if self.key else ""
        by_header = self.auth_header == "x-api-key"
        word = self.slug if is_loopback(self.base_url) else ""  # a word is no key, and goes to no other machine
        own = self.preset.base_url_variable and self.base_url == self.preset.base_url
        return {
            **({} if own else {"ANTHROPIC_BASE_URL": self.base_url}),
            # without any credential Claude Code asks for a login, so a keyless endpoint gets a word that it ignores
            "ANTHROPIC_AUTH_TOKEN": "" if by_header and key else key or word,
            "ANTHROPIC_API_KEY": key if by_header else "",
            "ANTHROPIC_MODEL": resolve(self, model).model,
        }

    @property
    def could_answer(self) -> bool:
        """Whether it is worth naming where another one failed: a toy is not."""
        return self.fault is None and not self.preset.embedded

    def __repr__(self) -> str:
        key = f"{self.key} from {self.key_from}" if self.key else "no key"
        state = str(self.fault.args[0]) if self.fault else key
        place = self.base_url or ("the embedded engine" if self.preset.embedded else "no URL")
        return f"<{self.slug}: {self.default_model} at {place}, {state}>"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to ask: a connection and a model id of it. `notes` are warnings worth showing."""

    connection: Connection
    model: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.connection.slug}:{self.model}"


def auth_header(connection: Connection) -> dict[str, str]:
    """
    Return the one header that authenticates, or none without a key.

    One only: some endpoints answer 401 when both forms are present.
    """
    if connection.key is None:
        return {}
    if connection.auth_header == "x-api-key":
        return {"x-api-key": connection.key.reveal()}
    return {"authorization": f"Bearer {connection.key.reveal()}"}


def place(connection: Connection, model: str, url: str, others: tuple[str, ...] = ()) -> Place:
    """Return where a request goes, for the messages about it; `others` could answer in its place."""
    preset, key = connection.preset, connection.key
    mend = "" if preset.embedded else "If it wants a key, connect or edit it with --ask-key."
    if key is not None and not preset.needs_key:
        mend = f"{preset.name} needs no key: leave it empty. %xiantong edit {connection.slug} --no-key"
    elif connection.key_from == PROMPT:
        mend = f"Copy the key again. {preset.key_page}".strip()
    elif key is not None and connection.saved and not connection.key_variable:
        mend = f"Enter the key again: %xiantong edit {connection.slug}"
    elif key is not None:
        mend = f"Check the key in {connection.key_from}; after a change, restart the kernel."
    form = "" if preset.guessed else f"Names there: {preset.model_form}."
    return Place(
        connection=connection.slug,
        model=model,
        url=url,
        key_from=connection.key_from,
        key=key,
        header={"x-api-key": "x-api-key", "bearer": "Authorization: Bearer"}[connection.auth_header] if key else "",
        mend_key=mend,
        mend_model=preset.if_unknown.format(model=model) or form,
        mend_reach=preset.if_unreached,
        others=others,
    )


def demo() -> Connection:
    """Return the connection to the embedded engine: in every kernel, saved nowhere."""
    preset = PRESETS["demo"]
    return Connection(preset.slug, preset, "", preset.default_model, name=preset.name)


def parse_target(
    text: str,
    known: Mapping[str, Connection],
    in_use: str = "",
    listed: Listed = lambda _: None,
) -> Target:
    """
    Read `connection`, `connection:model` or `model`, and resolve the model.

    What stands before the first `:` is a connection only if one of that slug exists, or if it is a preset's
    slug and exactly one connection uses that preset: so `llama3.2:8b` is a model. Nothing is the target
    `in_use`, and a bare model one of its connection. `listed` gives an endpoint's models, where a name hangs on them.
    Raises `NotConnected` when nothing is in use, `UsageError` for a name of nothing, or a connection's fault.
    """
    head, colon, rest = text.strip().partition(":")
    found = named(head, known)
    if found is not None:
        if colon and not rest:
            msg = f"{text!r} ends in a colon without a model."
            raise UsageError(msg, hint=f"Name one ({found.preset.model_form}), or leave the colon out.")
        return resolve(found, rest, listed)
    if head in PRESETS:
        raise _not_connected(PRESETS[head], known)
    if not in_use:
        msg = f"Nothing connected yet, so {text!r} can't be asked." if text else "Nothing connected yet."
        raise NotConnected(msg, hint=ways_to_connect())
    slug = in_use.partition(":")[0]
    asked = named(slug, known)
    near = [] if colon else difflib.get_close_matches(head, known, n=1, cutoff=_HARDLY_A_MODEL)
    if near and not (asked and _has_model(asked, head, listed)):
        hint = f"Did you mean {near[0]!r}? Connected: {', '.join(known)}."
        hint += f" If it is a model: {asked.slug}:{head}" if asked else ""
        raise UsageError(f"There is no connection {head!r}.", hint=hint)
    if asked is None and slug not in PRESETS:  # another kernel or the app has removed it
        raise NotConnected(f"{slug} was in use here, and is gone.", hint=_others(known) or ways_to_connect())
    if not text.strip():
        return parse_target(in_use, known, listed=listed)
    return resolve(parse_target(in_use, known).connection, text.strip(), listed)


def named(name: str, known: Mapping[str, Connection]) -> Connection | None:
    """Return the connection of this slug, or the only one of the preset of this slug."""
    if name in known:
        return known[name]
    of_preset = [c for c in known.values() if c.preset.slug == name and not c.foreign]
    return of_preset[0] if len(of_preset) == 1 else None


def resolve(connection: Connection, model: str = "", listed: Listed = lambda _: None) -> Target:
    """
    Turn a model as a user writes it, or none, into the id that goes on the wire.

    An alias (opus, sonnet, haiku) is the newest of its line that the endpoint lists (`listed`, asked for such names
    and doubtful ones alone), else that of a dated table. Raises the connection's fault, if it has one, and
    `UsageError` for a model that surely isn't there, or where none is known.
    """
    if connection.fault is not None:
        raise connection.fault
    preset = connection.preset
    asked = model or connection.default_model
    if not asked:
        msg = f"{connection.slug} has no default model."
        raise UsageError(msg, hint=f"Name one: {connection.slug}:MODEL ({preset.model_form}).")
    notes: tuple[str, ...] = (connection.warning,) if connection.warning else ()
    found = asked
    if asked in preset.aliases:
        own_endpoint = connection.base_url == preset.base_url
        listing = listed(connection)
        found = newest(asked, listing.models) if listing else ""
        if not found:
            found = preset.aliases[asked]
            if not (preset.sure_of_aliases and own_endpoint):
                notes += (f"the alias {asked} is taken as {found}, which may have another name here",)
    elif preset.models and found not in preset.models:
        raise UsageError(f"{connection.slug} has no model {found!r}.", hint=f"It has {preset.model_form}.")
    elif not _may_be_there(connection, found):
        listing = listed(connection)
        near = nearest(listing.models, found) if listing else []
        meant = f"Did you mean {near[0]!r}?" if near else f"%xiantong models {connection.slug} lists them."
        raise UsageError(f"{connection.slug} has no model {found!r}: names there are {preset.model_form}.", hint=meant)
    if is_elsewhere(connection, found):
        notes += (f"not local: a question to {found} leaves this machine",)
    return Target(connection, found, notes)


def _has_model(connection: Connection, name: str, listed: Listed) -> bool:
    """Say whether a word is surely a model here: saved, an alias, or listed."""
    if name in (connection.default_model, *connection.models, *connection.preset.models, *connection.preset.aliases):
        return True
    listing = None if connection.fault else listed(connection)
    return listing is not None and listing.find(name) is not None


def _may_be_there(connection: Connection, model: str) -> bool:
    """Say whether a name may be one: it has the form of names there, is saved, or is what an alias is taken as."""
    preset = connection.preset
    taken = (connection.default_model, *connection.models, *preset.aliases.values())
    return model in taken or re.fullmatch(preset.model_pattern, model) is not None


def is_elsewhere(connection: Connection, model: str) -> bool:
    """Say whether a question to a server on this machine goes on to another one: one that is, or may be, Ollama's."""
    preset = connection.preset
    ollamas = preset.own_routes == "ollama" or (preset.guessed and is_loopback(connection.base_url))
    return ollamas and leaves_the_machine(model)


def ways_to_connect(line: str = "") -> str:
    """Return what a person without any connection can do now; `line` connects an Ollama that was found."""
    if line:
        return (
            f"Ollama answers on this machine, and {line} connects it. For another provider %xiantong connect asks for "
            "what is needed; %%ask demo answers from toy models."
        )
    return (
        "%xiantong connect asks for what is needed. Without a key: %xiantong connect ollama where Ollama runs on "
        "this machine, or %%ask demo, which answers from toy models."
    )


def _others(known: Mapping[str, Connection]) -> str:
    """Return what else can be asked, and how it is chosen; nothing where there is none."""
    slugs = [c.slug for c in known.values() if c.could_answer]
    return f"Connected: {', '.join(slugs)}; %xiantong use TARGET chooses." if slugs else ""


def _not_connected(preset: Preset, known: Mapping[str, Connection]) -> NotConnected:
    several = [c.slug for c in known.values() if c.preset is preset]
    if several:
        msg = f"{len(several)} connections go to {preset.name}."
        return NotConnected(msg, hint=f"Name one of them: {', '.join(several)}.")
    pages = f"; keys: {preset.key_page}" if preset.key_page else ""
    variable = f", or set {preset.key_variables[0][0]} before the kernel starts" if preset.key_variables else ""
    ways = (f"%xiantong connect {preset.slug}{variable}{pages}", _others(known))
    return NotConnected(f"{preset.name} is not connected.", hint=". ".join(way for way in ways if way))
