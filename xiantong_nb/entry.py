"""
One saved connection: an entry of `llmConnections[]` in config.json, read into a Connection and written from one.

The desktop app shares these entries and rebuilds them from the fields it knows, so what it does not know (the
auth header, the variable of a key with its origin, http allowed) stands in notebook.json, by slug. Fields
unknown here are kept.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from xiantong_nb.base_url import normalised, origin, refuse_clear_text, without_version
from xiantong_nb.connection import Connection
from xiantong_nb.errors import StoreError, UsageError, bare
from xiantong_nb.presets import PRESETS, AuthHeader, Preset, Wire
from xiantong_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xiantong_nb.vault import StoredKey

Images = Literal["", "model", "not model", "all", "none"]
"""Which image input is switched on: not said, the named model's (or off for that one), the whole endpoint's, or off."""

_MESSAGES: Wire = "anthropic-messages"
_KEYED = ("api_key", "api_key_with_endpoint", "bearer_token")
_TYPES = ("anthropic", "pi_compat", "anthropic_compat")


class Model(msgspec.Struct, frozen=True, rename="camel"):
    """An item of `models` that is more than an id."""

    id: str
    supports_images: bool | None = None


class CustomEndpoint(msgspec.Struct, frozen=True, rename="camel"):
    """What only custom endpoints have."""

    api: str = _MESSAGES
    supports_images: bool | None = None


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of an entry that are read here; the app's own validator requires the first four."""

    slug: str
    name: str
    provider_type: str
    auth_type: str
    base_url: str | None = None
    models: list[str | Model] | None = None
    default_model: str | None = None
    custom_endpoint: CustomEndpoint | None = None
    last_used_at: float | None = None


class Own(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """
    What notebook.json holds of a connection.

    `key_origin` is the one that the variable was named for; entries of before it was kept have none.
    """

    auth_header: AuthHeader | None = None
    key_variable: str = ""
    key_origin: str = ""
    allow_http: bool = False


def slug_of(name: str) -> str:
    """Turn a name into a slug, as the app does: lower case, every run of other characters one hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def preset_at(base_url: str, wire: Wire = _MESSAGES) -> Preset:
    """Return the preset whose endpoint this normalised base URL is, asked by this wire; any other is a custom one."""
    place = without_version(base_url)
    known = (row for row in PRESETS.values() if row.base_url == place != "" and wire in row.wires)
    return next(known, PRESETS["custom"])


def read(
    raw: Mapping[str, Any], own: object, keys: Mapping[str, StoredKey] | StoreError, env: Mapping[str, str]
) -> Connection:
    """
    Make the Connection of an entry. `own` is what notebook.json has of it, `keys` what the vault holds.

    Never raises for what stands in the files: such a Connection has a `fault` that says what to mend.
    """
    slug = str(raw.get("slug"))
    try:
        entry, ours = msgspec.convert(raw, Entry), msgspec.convert(own or {}, Own)
    except (msgspec.ValidationError, UnicodeError) as error:
        # the first names the place and the types, never the value; the other quotes it
        what = "half a character stands in it" if isinstance(error, UnicodeError) else error
        fault = UsageError(f"The settings of {slug} can't be read: {what}.", hint=f"%xiantong remove {slug}")
        return Connection(slug, PRESETS["custom"], "", "", fault=bare(fault), saved=True)
    if entry.provider_type not in _TYPES or entry.auth_type not in (*_KEYED, "none"):
        return _of_the_app(entry)
    bare_one = _without_key(entry, ours, "")
    try:
        bare_one = _without_key(entry, ours, _base_url(entry))
        bare_one = _with_key(bare_one, entry, ours, keys, env)
        _check_wire(entry)
    except (UsageError, StoreError) as error:
        return replace(bare_one, fault=bare(error))
    return bare_one


def write(raw: Mapping[str, Any] | None, connection: Connection, *, images: Images, now: int) -> dict[str, Any]:
    """
    Return the entry of a connection; `raw` is what stands there so far, `now` the time in ms since 1970.

    An Anthropic entry has no base URL, as the app writes it; every other is a custom endpoint to the app.
    """
    before = dict(raw or {})
    keyed = connection.key is not None or bool(connection.key_variable)
    if connection.preset.app_type == "anthropic" and images in ("all", "none"):  # which has no word on the endpoint
        images = "model" if images == "all" else "not model"
    models = _models(before.get("models"), connection.default_model, images)
    entry = before | {
        "slug": connection.slug,
        "name": connection.name,
        "providerType": connection.preset.app_type,
        "authType": "api_key",
        "models": models,
        "defaultModel": connection.default_model,
    }
    if connection.preset.app_type == "anthropic":
        for name in ("baseUrl", "customEndpoint", "piAuthProvider"):
            entry.pop(name, None)
    else:
        endpoint = before.get("customEndpoint")
        endpoint = (endpoint if isinstance(endpoint, dict) else {}) | {"api": connection.wire}
        if images in ("all", "none"):
            endpoint["supportsImages"] = images == "all"
        entry |= {
            "authType": "api_key_with_endpoint" if keyed else "none",
            "baseUrl": connection.base_url,
            "customEndpoint": endpoint,
        }
        if keyed:  # which of its back end's providers the app takes for this wire
            entry["piAuthProvider"] = "anthropic" if connection.wire == _MESSAGES else "openai"
    return entry | {"createdAt": before.get("createdAt", now)}


def with_default_model(raw: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return an entry with another default model, which the app wants in its list of models."""
    return dict(raw) | {"models": _models(raw.get("models"), model), "defaultModel": model}


def write_own(connection: Connection) -> dict[str, Any]:
    """Return what notebook.json holds of a connection: only what differs from what its preset says."""
    header = connection.auth_header if connection.auth_header != connection.preset.auth_header else None
    variable = connection.key_variable
    kept = Own(header, variable, origin(connection.base_url) if variable else "", connection.allow_http)
    return dict(msgspec.to_builtins(kept))


def _of_the_app(entry: Entry) -> Connection:
    """Make the Connection of an entry that only the app can use: it signs in, or asks by its own back end."""
    way = {"oauth": "signs in", "iam_credentials": "uses cloud credentials"}.get(entry.auth_type, "is asked")
    fault = UsageError(
        f"{entry.slug} {way} in the desktop app only ({entry.provider_type}, {entry.auth_type}).",
        hint="%xiantong connect makes a connection with a key, which both can use.",
    )
    return replace(
        _without_key(entry, Own(), entry.base_url or ""), preset=PRESETS["custom"], foreign=True, fault=bare(fault)
    )


def _base_url(entry: Entry) -> str:
    if entry.base_url:
        try:
            name = f"The base URL of {entry.slug} in config.json"
            return normalised(entry.base_url, name=name, wire=_wire(entry))
        except UsageError as error:
            raise UsageError(error.message, hint=f"%xiantong edit {entry.slug} --base-url URL") from None
    for row in PRESETS.values():
        if row.app_type == entry.provider_type != "pi_compat":
            return row.base_url
    raise UsageError(f"{entry.slug} has no base URL.", hint=f"%xiantong edit {entry.slug} --base-url URL")


def _without_key(entry: Entry, ours: Own, base_url: str) -> Connection:
    wire = _wire(entry)
    preset = preset_at(base_url, wire)
    ids = tuple(m if isinstance(m, str) else m.id for m in entry.models or ())
    said = [m for m in entry.models or () if isinstance(m, Model)]
    images = {m.id: m.supports_images for m in said if m.supports_images is not None}
    token: AuthHeader | None = "bearer" if entry.auth_type == "bearer_token" else None
    return Connection(
        slug=entry.slug,
        preset=preset,
        base_url=base_url,
        default_model=entry.default_model or next(iter(ids), preset.default_model),
        auth_header=ours.auth_header or token or preset.auth_header,
        name=entry.name,
        wire=wire,
        models=ids,
        key_variable=ours.key_variable if ours.key_origin in ("", origin(base_url)) else "",
        allow_http=ours.allow_http,
        saved=True,
        last_used=int(entry.last_used_at) if entry.last_used_at else None,
        images=images,
        all_images=entry.custom_endpoint.supports_images if entry.custom_endpoint else None,
    )


def _wire(entry: Entry) -> Wire:
    api = entry.custom_endpoint.api if entry.custom_endpoint else _MESSAGES
    return next((w for w in get_args(Wire) if w == api), _MESSAGES)


def _check_wire(entry: Entry) -> None:
    api = entry.custom_endpoint.api if entry.custom_endpoint else _MESSAGES
    if api not in get_args(Wire):
        msg = f"{entry.slug} speaks {api}, which this version does not."
        raise UsageError(msg, hint=f"Those it does: %xiantong edit {entry.slug} --api {' or '.join(get_args(Wire))}")


def _with_key(
    connection: Connection, entry: Entry, ours: Own, keys: Mapping[str, StoredKey] | StoreError, env: Mapping[str, str]
) -> Connection:
    """Add the key; raises `UsageError` or the vault's error where there should be one and is none to use."""
    if entry.auth_type == "none":
        return connection
    slug = connection.slug
    edit, place = f"%xiantong edit {slug}", origin(connection.base_url)
    if not connection.allow_http:
        refuse_clear_text(connection.base_url, name=f"The base URL of {slug}", hint=f"{edit} --allow-http")
    if ours.key_variable != connection.key_variable:
        msg = f"The key in {ours.key_variable} is for {ours.key_origin}, and its base URL now leads to {place}."
        raise UsageError(msg, hint=f"If that is right: {edit} --key-env {ours.key_variable}")
    if variable := connection.key_variable:
        if not env.get(variable, "").strip():
            msg = f"The key of {slug} is in the variable {variable}, which is not set here."
            raise UsageError(msg, hint=f"Set it before the kernel starts, or save a key: {edit}")
        return replace(connection, key=Secret.from_user(env[variable], name=variable), key_from=variable)
    if isinstance(keys, StoreError):
        raise keys
    stored = keys.get(slug)
    if stored is not None and stored.lost == "gone":
        what = f"The key of {slug} was saved here and is gone: another program has written over credentials.enc."
        raise UsageError(what, hint=f"%xiantong restore {slug} puts it back.")
    if stored is None or stored.key is None:
        what = stored.fault if stored and stored.fault else f"No key of {slug} is saved."
        raise UsageError(what, hint=f"Enter it: {edit}")
    if stored.origin and stored.origin != place:
        msg = f"The key of {slug} was saved for {stored.origin}, and its base URL now leads to {place}."
        raise UsageError(msg, hint=f"If that is right, enter the key again: {edit}")
    warning = ""
    if stored.lost:
        warning = f"the key of {slug} is not the one saved here: %xiantong restore {slug}, or restore {slug} --accept"
    return replace(connection, key=stored.key, key_from="credentials.enc", unbound=not stored.origin, warning=warning)


def _models(before: object, default: str, images: Images = "") -> list[Any]:
    """Return the list of models with the default one in it, and the user's word on its image input."""
    kept: list[Any] = list(before) if isinstance(before, list) else []
    if images == "none":  # a word on a model would count more
        kept = [{n: v for n, v in m.items() if n != "supportsImages"} if isinstance(m, dict) else m for m in kept]
    at = next((n for n, m in enumerate(kept) if default == (m.get("id") if isinstance(m, dict) else m)), None)
    if at is None:
        kept.insert(0, default)
        at = 0
    if images in ("model", "not model"):
        old = kept[at]
        whole = old if isinstance(old, dict) else {"id": old, "name": old, "shortName": old}
        kept[at] = whole | {"supportsImages": images == "model"}
    return kept
