"""What can be asked and by which name: connections, and the grammar of targets."""

from __future__ import annotations

import difflib
import ipaddress
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xiantong_nb.errors import NotConnected, UsageError, bare
from xiantong_nb.presets import PRESETS, AuthHeader, Preset
from xiantong_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """
    An endpoint with how it is asked: what a user has chosen, or what the environment holds.

    `key` and `auth_header` go together; without a key no header is sent. `key_from` says where the key was
    found, for messages. `base_url` is normalised; it is empty for the embedded engine until that runs.
    `fault` is why it can't be asked; the others can.
    """

    slug: str
    preset: Preset
    base_url: str
    default_model: str
    auth_header: AuthHeader = "bearer"
    key: Secret | None = None
    key_from: str = ""
    fault: UsageError | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        key = f"{self.key} from {self.key_from}" if self.key else "no key"
        state = self.fault.message if self.fault else key
        return f"<{self.slug}: {self.default_model} at {self.base_url or 'the embedded engine'}, {state}>"


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


def demo() -> Connection:
    """Return the connection to the embedded engine: in every kernel, saved nowhere."""
    preset = PRESETS["demo"]
    return Connection(preset.slug, preset, "", preset.default_model)


def from_environment(env: Mapping[str, str]) -> dict[str, Connection]:
    """
    Return the connections that environment variables alone make, by slug.

    A preset's key goes to its own base URL, or to the one in the variable that belongs to the same preset:
    that is the user's own choice. Where a value can't be used, the connection has a `fault` that names the variable.
    """
    found = {}
    for preset in PRESETS.values():
        try:
            made = _from_variables(preset, env)
        except UsageError as error:
            made = Connection(preset.slug, preset, preset.base_url, preset.default_model, fault=bare(error))
        if made is not None:
            found[preset.slug] = made
    return found


def _from_variables(preset: Preset, env: Mapping[str, str]) -> Connection | None:
    variable = preset.base_url_variable
    given = env.get(variable, "").strip() if variable else ""
    base_url = normalised(given, name=variable) if given else preset.base_url
    name, header = next(
        ((name, header) for name, header in preset.key_variables if env.get(name, "").strip()),
        ("", preset.auth_header),
    )
    if not name and not given:
        return None
    if not name and not is_loopback(base_url):
        keys = " or ".join(name for name, _ in preset.key_variables)
        msg = f"{variable} is on another machine, and no key is set for it."
        raise UsageError(msg, hint=f"Set {keys} too; only a server on this machine is asked without a key.")
    key = Secret.from_user(env[name], name=name) if name else None
    if key is not None:
        refuse_clear_text(base_url, name=variable)
    return Connection(
        slug=preset.slug,
        preset=preset,
        base_url=base_url,
        default_model=env.get(preset.model_variable, "").strip() or preset.default_model,
        auth_header=header,
        key=key,
        key_from=name,
    )


def normalised(url: str, *, name: str) -> str:
    """
    Return a Messages base URL in its one form: no trailing slash, no `/v1`, no `/v1/messages`, no usual port.

    Raises `UsageError`, naming where the URL is from (`name`), when it is not http(s) with a host, or holds
    a password, a query or a fragment: those would leak keys into settings and messages.
    """
    try:
        parts = urllib.parse.urlsplit(url.strip())
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        usable = False
    if not usable:
        msg = f"{name} is not a URL of an endpoint: it must begin with http:// or https:// and a host."
        raise UsageError(msg, hint="For a server on this machine: http://localhost:11434")
    if "@" in parts.netloc or parts.query or parts.fragment:
        msg = f"{name} holds a user name, a password, a query or a fragment, which would leak into messages."
        raise UsageError(msg, hint="Give the plain base URL; keys go into the key's own variable.")
    path = parts.path.rstrip("/")
    for ending in ("/v1/messages", "/v1"):
        path = path.removesuffix(ending).rstrip("/")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{path}"


def is_loopback(url: str) -> bool:
    """Say whether a URL's host is this machine by name or address."""
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no URL at all
        return False


def refuse_clear_text(url: str, *, name: str) -> None:
    """Raise `UsageError` where a key would cross a network readable by all."""
    if urllib.parse.urlsplit(url).scheme == "http" and not is_loopback(url):
        msg = f"{name} is http:// on another machine: a key would cross the network readable by all."
        raise UsageError(msg, hint="Use https://, or a tunnel to a port of this machine.")


def parse_target(text: str, known: Mapping[str, Connection], in_use: str = "") -> Target:
    """
    Read `connection`, `connection:model` or `model`, and resolve the model.

    What stands before the first `:` is a connection only if one of that slug exists, so `llama3.2:8b` is a
    model. Nothing is the target `in_use`, and a bare model one of its connection. Raises `NotConnected` when
    nothing is in use, `UsageError` for a name of nothing or a connection that has a fault.
    """
    head, colon, rest = text.strip().partition(":")
    if head in known:
        if colon and not rest:
            msg = f"{text!r} ends in a colon without a model."
            raise UsageError(msg, hint=f"Name one ({known[head].preset.model_form}), or leave the colon out.")
        return resolve(known[head], rest)
    if head in PRESETS:
        raise _not_connected(PRESETS[head])
    if not in_use:
        raise NotConnected(
            f"Nothing connected yet, so {text!r} can't be asked." if text else "Nothing connected yet.",
            hint=ways_to_connect(),
        )
    if not text.strip():
        return parse_target(in_use, known)
    if not colon and (near := difflib.get_close_matches(text, known, n=1, cutoff=0.8)):
        msg = f"There is no connection {text!r}."
        raise UsageError(msg, hint=f"Did you mean {near[0]!r}? Connected: {', '.join(known)}.")
    return resolve(parse_target(in_use, known).connection, text.strip())


def resolve(connection: Connection, model: str = "") -> Target:
    """
    Turn a model as a user writes it, or none, into the id that goes on the wire.

    Raises the connection's fault, if it has one, and `UsageError` for a model that surely isn't there.
    """
    if connection.fault is not None:
        raise connection.fault
    preset = connection.preset
    asked = model or connection.default_model
    own_endpoint = connection.base_url == preset.base_url
    found = preset.aliases.get(asked, asked)
    if preset.models and found not in preset.models:
        raise UsageError(f"{connection.slug} has no model {found!r}.", hint=f"It has {preset.model_form}.")
    if found == asked or (preset.sure_of_aliases and own_endpoint):
        return Target(connection, found)
    return Target(connection, found, (f"{asked} taken as {found}, which may have another name here",))


def ways_to_connect() -> str:
    """Return what a person without any connection can do now."""
    variables = ", ".join(name for row in PRESETS.values() for name, _ in row.key_variables[:1])
    return (
        f"Set one of {variables} before the kernel starts, or try it without a key: "
        "%%ask demo answers from toy models on this machine."
    )


def _not_connected(preset: Preset) -> NotConnected:
    variable = preset.key_variables[0][0] if preset.key_variables else ""
    msg = f"{preset.name} is not connected."
    return NotConnected(msg, hint=f"Set {variable} before the kernel starts; keys: {preset.key_page}")
