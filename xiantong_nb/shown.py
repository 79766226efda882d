"""
What a form's page is shown: presets, connections, models, tests and failures as plain values, never a key.

Everything here can be sent as JSON; texts and lists are empty where there is nothing to say, and times are in ms.
"""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from xiantong_nb import home, ollama, probe
from xiantong_nb.base_url import is_loopback, origin
from xiantong_nb.draft import Draft, Problem, savable
from xiantong_nb.errors import StoreError, UsageError, XiantongError
from xiantong_nb.kinds import kind_of
from xiantong_nb.presets import PRESETS, Preset
from xiantong_nb.upkeep import is_saved
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from pathlib import Path

    from xiantong_nb.connection import Connection
    from xiantong_nb.models import Listing, Model
    from xiantong_nb.probe import Outcome, Stage
    from xiantong_nb.session import Session

Json = dict[str, Any]

_OF_A_PRESET = (
    "slug", "name", "base_url", "wires", "needs_key", "key_page", "model_page", "model_form", "default_model",
    "guessed", "own_routes",
)  # fmt: skip
_MOST_MODELS = 3000


def state(session: Session) -> Json:
    """Return everything that a page shows and chooses from."""
    fault, default = "", ""
    try:
        connections = session.connections()
        default = session.store.default()
    except StoreError as error:
        connections, fault = session.unsaved(), str(error)
    folder = session.store.folder
    return {
        "presets": [_preset(PRESETS[slug]) for slug in savable()],
        "connections": [_connection(session, c, default=c.saved and c.slug == default) for c in connections.values()],
        "target": in_use(session),
        "fault": fault,
        "stages": list(probe.STAGES),
        "can_save": _can_be_written(folder),
        "where": short(folder, home.user_home(session.environment)),
    }


def in_use(session: Session) -> str:
    """Return the target that is asked where nothing is named, or nothing where there is none that can be asked."""
    try:
        return str(session.default() or "")
    except (UsageError, StoreError):
        return ""


def short(path: Path, user_home: Path) -> str:
    """Return a path as people write it."""
    return str("~" / path.relative_to(user_home)) if path.is_relative_to(user_home) else str(path)


def draft(said: Draft, slug: str = "") -> Json:
    """Return a draft without its key; `slug` is that of the saved connection it changes."""
    return {"slug": slug, **{field.name: getattr(said, field.name) for field in fields(Draft) if field.name != "key"}}


def problem(found: Problem) -> Json:
    """Return what keeps a draft from being a connection; what is only missing is told as to whoever is asked for it."""
    hint = found.help if found.missing else f"{found.help} {found.hint}".strip()
    return {"field": found.field, "message": found.message, "hint": hint, "missing": found.missing}


def checked(said: Draft, found: Connection | Problem, preset: Preset | None) -> Json:
    """Return what a draft comes to, as far as it goes: `preset` is what is known where nothing else is."""
    described = found.connection if isinstance(found, Problem) else found
    if described is None:
        told = {
            "url": "", "origin": "", "slug": "", "preset": said.preset if preset else "",
            "name": preset.name if preset else "", "model": preset.default_model if preset else "",
            "wire": preset.wires[0] if preset else "",
        }  # fmt: skip
    else:
        told = {
            "url": WIRES[described.wire].url(described), "origin": origin(described.base_url), "slug": described.slug,
            "preset": described.preset.slug, "name": described.name, "model": described.default_model,
            "wire": described.wire,
        }  # fmt: skip
    return {
        **told,
        "key": _key_wanted(said, found, described),
        "problem": problem(found) if isinstance(found, Problem) else None,
    }


def listing(found: Listing, source: str, version: str | None) -> Json:
    """Return a list of models and where it is from; `version` is Ollama's, None where it is another's."""
    return {
        "ok": True,
        "models": [_model(model) for model in found.models[:_MOST_MODELS]],
        "source": source,
        "ollama": ollama_state(version),
        "kind": "",
        "message": "",
        "hint": "",
    }


def ollama_state(version: str | None) -> Json | None:
    """Return what is known of an Ollama by its version: "" for one that does not answer, None for none at all."""
    if version is None:
        return None
    return {"running": bool(version), "version": version, "too_old": ollama.is_too_old(version)}


def failure(error: XiantongError, *, keyless: bool = False) -> Json:
    """Return what went wrong, in the error's own words, with its kind and the field to look at."""
    kind, field = kind_of(error, keyless=keyless)
    return {
        "ok": False,
        "kind": kind,
        "field": field,
        "message": error.message,
        "hint": error.hint,
        "where": error.where,
    }


def refused(found: Problem) -> Json:
    """Return a problem as what went wrong."""
    said = problem(found)
    kind = "no_key" if found.field == "key" and found.missing else "check"
    return {"ok": False, "kind": kind, "where": "", **{name: said[name] for name in ("field", "message", "hint")}}


def progress(passed: Stage) -> Json:
    """Return the news that one stage of a test has been passed."""
    return {"stage": passed.name, **_passed(passed)}


def outcome(of: Outcome, notes: tuple[str, ...], *, keyless: bool) -> Json:
    """Return how a test went, but for the way that would have worked."""
    went = failure(of.error, keyless=keyless) if of.error else {"ok": True, "kind": "", "field": "", "message": ""}
    return {
        "hint": "",
        "where": "",
        **went,
        "stages": [{"name": passed.name, **_passed(passed)} for passed in of.stages],
        "failed_at": of.failed_at,
        "url": of.url,
        "target": of.target,
        "notes": list(notes),
        "instead": None,
        "key": "",
    }


def masked(connection: Connection) -> str:
    """Return the last characters of a connection's key, or nothing."""
    return connection.key.shown if connection.key else ""


def _passed(stage: Stage) -> Json:
    return {"ms": round(stage.seconds * 1000), "said": stage.said}


def _preset(row: Preset) -> Json:
    return {name: getattr(row, name) for name in _OF_A_PRESET} | {"wires": list(row.wires)}


def _connection(session: Session, c: Connection, *, default: bool) -> Json:
    here = c.slug in session.here
    slug = c.slug if c.saved or (here and is_saved(session, c.slug)) else ""
    return {
        "slug": c.slug,
        "name": c.name,
        "provider": c.preset.name,
        "preset": c.preset.slug,
        "base_url": c.base_url,
        "model": c.default_model,
        "models": list(c.models or c.preset.models),
        "wire": c.wire,
        "auth_header": c.auth_header,
        "key": masked(c),
        "key_from": c.key_from,
        "key_variable": c.key_variable,
        "saved": c.saved,
        "here": here,
        "foreign": c.foreign,
        "fault": str(c.fault) if c.fault else "",
        "default": default,
        "last_used": c.last_used,
        "images": dict(c.images),
        "all_images": c.all_images,
        "draft": None if c.foreign or c.preset.embedded else draft(_draft_of(c), slug),
    }


def _draft_of(c: Connection) -> Draft:
    """Return what a person would have said to get this connection."""
    variable = c.key_variable or ("" if c.saved else c.key_from)
    needs_none = is_loopback(c.base_url) or not c.preset.needs_key
    unsaid = not c.saved and c.name == c.preset.name  # said, it would give it another slug
    return Draft(
        preset=c.preset.slug,
        base_url=c.base_url,
        name="" if unsaid else c.name,
        model=c.default_model,
        api=c.wire,
        auth_header=c.auth_header,
        key_variable=variable if variable.isidentifier() else "",
        no_key=c.key is None and not variable and not needs_none and c.fault is None,
        allow_http=c.allow_http,
    )


def _key_wanted(said: Draft, found: Connection | Problem, described: Connection | None) -> str:
    """Say whether a key is `needed`, `optional`, `none`, or `kept`: one is saved for that endpoint."""
    if said.no_key or said.key_variable:
        return "none"
    if described is None:
        return "needed"
    if isinstance(found, Problem) and found.field == "key":
        return "needed"
    if described.key is not None and said.key is None:
        return "kept"
    if not described.preset.needs_key:
        return "none"
    return "optional" if is_loopback(described.base_url) else "needed"


def _model(model: Model) -> Json:
    return {
        "id": model.id,
        "context": model.context,
        "images": model.images,
        "price_in": model.price_in,
        "price_out": model.price_out,
        "local": model.local,
        "note": "not local" if model.local is False else "",
    }


def _can_be_written(folder: Path) -> bool:
    """Say whether a save there has a chance; only the save itself can tell."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(there, os.W_OK)
