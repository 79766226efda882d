"""
Bringing connections and keys over from the open-source original of the desktop app.

    config.json + credentials.enc there --plan--> items, each with what happens and why --carry_out--> the store

Nothing there is locked, changed or touched. Keys come along with the connections that use them; sign-ins and
cloud credentials stay, since only the app can use them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xiantong_nb import entry, home
from xiantong_nb.errors import StoreError, UsageError
from xiantong_nb.presets import PRESETS
from xiantong_nb.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xiantong_nb.connection import Connection
    from xiantong_nb.session import Session
    from xiantong_nb.settings import Json

FOLDER, VARIABLE = ".craft-agent", "CRAFT_CONFIG_DIR"

# what the app's second back end calls the providers that have a preset here
_UPSTREAMS = {"anthropic": "anthropic", "openrouter": "openrouter", "vercel-ai-gateway": "vercel"}
_OLD_WIRES = {"anthropic_compat": "anthropic-messages", "openai_compat": "openai-completions"}
_ONLY_THERE = {
    "oauth": "left out: it signs in, which only the app can",
    "iam_credentials": "left out: cloud credentials, which only the app can use",
    "service_account_file": "left out: cloud credentials, which only the app can use",
    "environment": "left out: its key is in the app's own environment",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One entry there and what becomes of it: `raw` and `connection` are what is saved, None where nothing is."""

    there: str
    says: str
    connection: Connection | None = None
    raw: Json | None = None

    @property
    def slug(self) -> str:
        """Its slug here."""
        return self.connection.slug if self.connection and self.raw else ""

    @property
    def provider(self) -> str:
        """Whose endpoint it is."""
        return self.connection.preset.name if self.connection else ""

    @property
    def base_url(self) -> str:
        """Where it is."""
        return self.connection.base_url if self.connection else ""

    @property
    def model(self) -> str:
        """The model that is asked when none is named."""
        return self.connection.default_model if self.connection else ""

    @property
    def key_shown(self) -> str:
        """The key, masked."""
        key = self.connection.key if self.connection else None
        return f"{key}".replace("Secret", "") if key else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do; nothing has been done yet."""

    source: Path
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()

    @property
    def wanted(self) -> tuple[Item, ...]:
        """The items that come along."""
        return tuple(item for item in self.items if item.raw is not None)


def plan(session: Session, folder: Path | None = None) -> Plan:
    """
    Read the original's folder, or the one that is given, and say what would come along.

    Raises `UsageError` where there is no configuration, `Unreadable` where it can't be read; keys that can't be
    read leave the connections that need them out.
    """
    env = session.environment
    there = home.user_home(env) / FOLDER
    if folder is None and env.get(VARIABLE, "").strip():  # which moves the configuration and not the keys
        folder, keys_from = Path(env[VARIABLE].strip()).expanduser(), there
    else:
        folder = keys_from = folder or there
    if folder.resolve() == session.store.folder.resolve():
        raise UsageError(f"{folder} is where connections are saved already.")
    config = Store(folder, {}).config()
    if config is None:
        msg = f"There is no configuration of the original in {folder}."
        raise UsageError(msg, hint="Name its folder: %xiantong import PATH")
    keys, notes = _keys(keys_from)
    here, items = dict(session.store.connections()), []
    for raw in _entries(config):
        item = _item(raw, keys, here)
        if item.connection is not None and item.raw is not None:
            here[item.slug] = item.connection
        items.append(item)
    return Plan(folder, tuple(items), notes)


def carry_out(made: Plan, session: Session) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Save each item, and say its slug and notes as it is saved. Raises `StoreError`; what was said is saved."""
    for item in made.wanted:
        if item.connection is not None and item.raw is not None:
            yield item.slug, session.store.adopt(item.raw, item.connection.key, item.base_url)


def _keys(folder: Path) -> tuple[Mapping[str, Any] | StoreError, tuple[str, ...]]:
    try:
        return Store(folder, {}).keys(), ()
    except StoreError as error:
        return error, (f"The keys there can't be read: {error.message}",)


def _entries(config: Json) -> Iterator[Json]:
    """Yield the entries there, those of before there were several first among them."""
    found = config.get("llmConnections")
    if found is None:
        if old := _of_one(config):
            yield old
        return
    yield from (raw for raw in found if isinstance(raw, dict))


def _of_one(config: Json) -> Json | None:
    """Return the entry that a configuration from before there were several stands for."""
    way, url, model = (config.get(name) for name in ("authType", "anthropicBaseUrl", "customModel"))
    if not isinstance(way, str):
        return None
    made: Json = {
        "slug": "anthropic-api",
        "name": "Anthropic",
        "providerType": "anthropic",
        "authType": way,
        "createdAt": 0,
    }
    if way != "api_key":
        return made | {"authType": "oauth"}
    if isinstance(url, str) and url:
        made |= {"providerType": "anthropic_compat", "baseUrl": url, "name": url.partition("://")[2] or url}
    chosen = model or config.get("model")
    return made | ({"defaultModel": chosen} if isinstance(chosen, str) and chosen else {})


def _item(raw: Json, keys: Mapping[str, Any] | StoreError, here: Mapping[str, Connection]) -> Item:
    """Say what becomes of one entry."""
    there = str(raw.get("slug"))
    if (way := raw.get("authType")) in _ONLY_THERE:
        return Item(there, _ONLY_THERE[str(way)])
    modern = _modern(raw)
    if modern is None:
        return Item(
            there,
            f"left out: {raw.get('piAuthProvider') or raw.get('providerType')} is asked by the app's own back end",
        )
    found = entry.read(modern, None, keys, {})
    fault = found.fault
    is_whole = found.base_url and (found.key is not None or modern["authType"] == "none")
    if fault is not None and not is_whole:  # a whole one with a fault speaks a wire that this version does not
        return Item(there, f"left out: {fault.message}", replace(found, key=None))
    twin = next((c for c in here.values() if c.base_url == found.base_url and c.key == found.key), None)
    if twin is not None:
        return Item(there, f"is here already: {twin.slug}", found)
    slug, number = entry.slug_of(there) or found.preset.slug, 1
    free = slug
    while free in here or (free in PRESETS and free != found.preset.slug):
        number += 1
        free = f"{slug}-{number}"
    says = "comes along" if fault is None else f"comes along; {fault.message}"
    return Item(there, says, replace(found, slug=free), modern | {"slug": free})


def _modern(raw: Json) -> Json | None:
    """Return an entry in the form of today, None for what only the app's own back end can ask."""
    kind, url = raw.get("providerType"), raw.get("baseUrl")
    if kind in _OLD_WIRES:
        endpoint = raw.get("customEndpoint")
        api = {"api": _OLD_WIRES[kind]} | (endpoint if isinstance(endpoint, dict) else {})
        return _custom(raw, api) if url else None
    if kind == "pi" and (preset := PRESETS.get(_UPSTREAMS.get(str(raw.get("piAuthProvider")), ""))):
        made = dict(raw)
        if isinstance(models := raw.get("models"), list):
            made["models"] = [_without_prefix(model) for model in models]
        made["defaultModel"] = _without_prefix(raw.get("defaultModel"))
        if preset.app_type == "anthropic":
            return {n: v for n, v in made.items() if n != "piAuthProvider"} | {"providerType": "anthropic"}
        return _custom(made | {"baseUrl": preset.base_url}, {"api": preset.wires[0]})
    return raw if kind in ("anthropic", "pi_compat") else None


def _custom(raw: Json, api: Json) -> Json:
    way = "none" if raw.get("authType") == "none" else "api_key_with_endpoint"
    return raw | {"providerType": "pi_compat", "authType": way, "customEndpoint": api}


def _without_prefix(model: object) -> object:
    if isinstance(model, str):
        return model.removeprefix("pi/")
    if isinstance(model, dict) and isinstance(model.get("id"), str):
        return model | {"id": model["id"].removeprefix("pi/")}
    return model
