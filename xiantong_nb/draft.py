"""What a person has said of a connection so far, and what is still missing or wrong with it; pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from xiantong_nb.base_url import is_clear_text, is_loopback, normalised, origin, spoken, wire_of, without_version
from xiantong_nb.connection import PROMPT, Connection
from xiantong_nb.entry import Images, preset_at, slug_of
from xiantong_nb.errors import UsageError
from xiantong_nb.presets import PRESETS, AuthHeader, Preset, Wire
from xiantong_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

Field = Literal["preset", "base_url", "key", "model", "api", "name", "auth_header", "images"]


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A connection as it is being described. What is empty or None has not been said.

    `preset` may be a preset's slug or a URL. `key_variable` names the variable that holds the key instead.
    `ask_key` wants a key where none would be needed, `no_key` none where one would.
    """

    preset: str = ""
    base_url: str = ""
    name: str = ""
    key: Secret | None = None
    key_variable: str = ""
    model: str = ""
    api: str = ""
    auth_header: AuthHeader | None = None
    images: Images = ""
    ask_key: bool = False
    no_key: bool = False
    allow_http: bool | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What keeps a draft from being a connection: `missing` things can be asked for, others must be changed.

    `help` is of use to whoever is asked for it, `hint` the next step where nobody is. `connection` is what is
    described so far, where only the key or the model is missing.
    """

    field: Field
    message: str
    hint: str = ""
    help: str = ""
    missing: bool = False
    connection: Connection | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.help, self.hint) if part)

    def question(self, what: str) -> str:
        """Return the question that a prompt shows."""
        return " ".join(part for part in (self.message, self.help, f"{what}: ") if part)

    def error(self) -> UsageError:
        """Return it as an error."""
        return UsageError(self.message, hint=f"{self.help} {self.hint}".strip())


def check(
    draft: Draft, known: Mapping[str, Connection], env: Mapping[str, str], editing: Connection | None = None
) -> Connection | Problem:
    """
    Return the Connection that a draft describes, or the first thing that keeps it from being one.

    `known` are the saved connections, for the slug: describing one of them again changes it. `editing` is the one
    to be changed otherwise; its values stand where the draft says nothing. A key stays only where its endpoint
    does, since it belongs to the origin that it was saved for.
    """
    place = _unknown(draft) or _place(draft, editing)
    if isinstance(place, Problem):
        return place
    said = next((w for w in get_args(Wire) if w == draft.api), None) or wire_of(draft.base_url or draft.preset)
    preset = preset_at(place, said or get_args(Wire)[0])
    slug, name = (editing.slug, draft.name or editing.name) if editing else _names(draft, preset, place, known)
    editing = editing or known.get(slug)
    same = editing if editing and without_version(editing.base_url) == place else None
    wire = said or (same.wire if same else preset.wires[0])
    chosen = PRESETS.get(draft.preset, preset)
    if wire not in chosen.wires or draft.api not in ("", wire):
        says = f"{chosen.name} speaks {' and '.join(chosen.wires)}, not {draft.api or wire}."
        return Problem("api", says, f"Leave --api out, or say --api {chosen.wires[0]}.")
    base_url = _base_url(draft, preset, editing, wire)
    described = Connection(
        slug=slug,
        preset=preset,
        base_url=base_url,
        default_model=draft.model or (same.default_model if same else "") or preset.default_model,
        auth_header=draft.auth_header or (same.auth_header if same else preset.auth_header),
        name=name,
        wire=wire,
        models=same.models if same else (),
        images=same.images if same else {},
        all_images=same.all_images if same else None,
        allow_http=(editing.allow_http if editing else False) if draft.allow_http is None else draft.allow_http,
        saved=True,
        last_used=same.last_used if same else None,
    )
    keyed = _with_key(described, draft, env, editing)
    if isinstance(keyed, Problem):
        return keyed
    if keyed.key and is_clear_text(base_url) and not keyed.allow_http:
        msg = "That is http:// on another machine: the key would cross the network readable by all."
        return Problem("base_url", msg, "Use https://, or a tunnel to a port of this machine, or say --allow-http.")
    if not keyed.default_model:
        msg = f"{keyed.name} needs a model: {preset.model_form}."
        return Problem("model", msg, "Name it with --model.", listed_at(preset), missing=True, connection=keyed)
    return keyed


def embedded(draft: Draft, *, default: bool = False) -> str:
    """
    Return the target that a draft of an embedded preset is; nothing for any other, which has an endpoint to describe.

    Raises `UsageError` where it says more than a model, since nothing of it is saved.
    """
    preset = PRESETS.get(draft.preset)
    if preset is None or not preset.embedded:
        return ""
    if default or replace(draft, model="") != Draft(preset.slug):
        msg = f"{preset.slug} takes a model and nothing else: it runs in this kernel and is saved nowhere."
        raise UsageError(msg, hint=f"%xiantong connect {preset.slug} --model {preset.default_model}")
    return f"{preset.slug}:{draft.model}" if draft.model else preset.slug


def _unknown(draft: Draft) -> Problem | None:
    """Find a word that a setting can't have: a program's, since a line and a form offer no other."""
    if draft.auth_header and draft.auth_header not in get_args(AuthHeader):
        words = " or ".join(get_args(AuthHeader))
        return Problem("auth_header", f"A key is carried by {words}, not by {draft.auth_header!r}.")
    if draft.images not in get_args(Images):
        words = "True for its model, 'all' for the endpoint, 'none' for neither"
        return Problem("images", f"images can't be {draft.images!r}.", f"It is {words}.")
    return None


def listed_at(preset: Preset) -> str:
    """Say where a provider shows its models."""
    return f"Models: {preset.model_page}." if preset.model_page else ""


def _place(draft: Draft, editing: Connection | None) -> str | Problem:
    """Find the endpoint, whatever its wire: a URL that was given, the preset's, or where the edited one is."""
    given, preset = draft.base_url, PRESETS.get(draft.preset)
    if preset is None and draft.preset:
        if not re.search(r"[:/.]", draft.preset):
            near = difflib.get_close_matches(draft.preset, PRESETS, n=1)
            hint = (f"Did you mean {near[0]!r}? " if near else "") + f"Presets: {', '.join(savable())}; or give a URL."
            return Problem("preset", f"There is no preset {draft.preset!r}.", hint)
        given = given or draft.preset
    if given:
        try:
            return normalised(given, name="That")
        except UsageError as error:
            return Problem("base_url", error.message, error.hint)
    if preset is not None:
        missing = Problem("base_url", f"{preset.name} needs a base URL.", "Give it with --base-url.", missing=True)
        return preset.base_url or missing
    if editing is not None and editing.base_url:
        return without_version(editing.base_url)
    return Problem(
        "preset", "Nothing says what to connect.", f"Presets: {', '.join(savable())}; or a URL.", missing=True
    )


def _base_url(draft: Draft, preset: Preset, editing: Connection | None, wire: Wire) -> str:
    """Return the base URL for a wire: the preset's own, else as it was given, for no rule knows every path."""
    if preset.base_url:
        return spoken(preset.base_url, preset.wires[0], wire)
    given = draft.base_url or ("" if draft.preset in PRESETS else draft.preset)
    if given or editing is None:
        return normalised(given, name="That", wire=wire)
    return spoken(editing.base_url, editing.wire, wire)


def settled(draft: Draft) -> Draft:
    """Return a draft whose preset is one: a URL that was given in its place goes where URLs go."""
    if draft.preset in ("", *PRESETS):
        return draft
    own = next(row.slug for row in PRESETS.values() if row.guessed)
    return replace(draft, preset=own, base_url=draft.base_url or draft.preset)


def savable() -> tuple[str, ...]:
    """Return the presets that a connection can be saved for."""
    return tuple(slug for slug, row in PRESETS.items() if not row.embedded)


def _names(draft: Draft, preset: Preset, base_url: str, known: Mapping[str, Connection]) -> tuple[str, str]:
    """Return a slug and a name: those of the saved connection that this describes again, else free ones."""
    host = base_url.partition("://")[2]
    name = draft.name or (preset.name if preset.base_url else host)
    wanted = slug_of(draft.name) or preset.slug
    number, slug = 1, wanted
    while True:
        taken = known.get(slug)
        if taken is not None and without_version(taken.base_url) == base_url and not taken.foreign:
            return slug, draft.name or taken.name
        if taken is None and (slug not in PRESETS or slug == preset.slug):
            return slug, name if number == 1 else f"{name} {number}"
        number += 1
        slug = f"{wanted}-{number}"


def _with_key(
    described: Connection, draft: Draft, env: Mapping[str, str], editing: Connection | None
) -> Connection | Problem:
    """Add the key that was given, or the one that is kept, or say that one is missing."""
    variable = draft.key_variable
    if sum((draft.key is not None, bool(variable), draft.no_key)) > 1:
        return Problem("key", "A key, --key-env and --no-key exclude each other.", "Say one of them.")
    if draft.no_key:
        return described
    if draft.key is not None:
        return replace(described, key=draft.key, key_from=PROMPT)
    stays = editing is not None and origin(editing.base_url) == origin(described.base_url)
    if not variable and editing and stays and not draft.ask_key:
        variable = editing.key_variable
    if variable:
        if not variable.isidentifier():
            return Problem("key", "--key-env takes the name of a variable, such as OPENROUTER_API_KEY.")
        try:
            key = Secret.from_user(env.get(variable, ""), name=variable)
        except UsageError as error:
            return Problem("key", error.message, f"Set {variable} before the kernel starts, to the key alone.")
        return replace(described, key=key, key_from=variable, key_variable=variable)
    if editing and editing.key and stays and not draft.ask_key:
        return replace(described, key=editing.key, key_from=editing.key_from)
    if not draft.ask_key and (is_loopback(described.base_url) or not described.preset.needs_key):
        return described
    message = f"{described.name} needs a key."
    if editing and editing.base_url and not stays and (editing.key or editing.key_variable):
        its = f"key in {editing.key_variable} is for" if editing.key_variable else "saved key belongs to"
        message = f"The {its} {origin(editing.base_url)}: {described.name} needs one of its own."
    page = described.preset.key_page
    hint = "Run it where a prompt can ask for it, or name the variable that holds it with --key-env."
    hint += "" if page else " Without one: --no-key."
    return Problem("key", message, hint, page and f"Keys: {page}.", missing=True, connection=described)
