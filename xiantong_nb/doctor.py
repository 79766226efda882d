"""What is as it should be and what is not: files, machine, environment, every endpoint; with what mends it."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import stat
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from xiantong_nb import disk, lock, probe
from xiantong_nb.connection import resolve
from xiantong_nb.environment import from_environment
from xiantong_nb.errors import StoreError, XiantongError
from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xiantong_nb.connection import Connection
    from xiantong_nb.session import Session
    from xiantong_nb.store import Store

PACKAGES = ("xiantong-nb", "ipython", "httpx", "cryptography", "filelock", "msgspec", "xllamacpp")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
_SHORTEST_ID = 16  # of 32 hexadecimal digits that a machine id has


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `mend` is what to do about it, a command where there is one."""

    about: str
    says: str
    state: Literal["ok", "note", "wrong"] = "ok"
    mend: str = ""


def findings(session: Session, *, test: bool = True) -> Iterator[Finding]:
    """
    Look at everything, and say what is found as it is found; `test` asks each endpoint a few tokens.

    Nothing is changed. What can't be looked at is a finding, too.
    """
    checks: tuple[Callable[[Session], Iterator[Finding]], ...] = (
        _versions, _folder, _files, _machine, _lost_keys, _variables, _network, _endpoints if test else _connections
    )  # fmt: skip
    for check in checks:
        try:
            yield from check(session)
        except XiantongError as error:
            yield Finding(check.__name__.strip("_"), error.message, "wrong", error.hint)
        except OSError as error:
            yield Finding(check.__name__.strip("_"), f"can't be looked at: {error.strerror}", "wrong")


def _versions(session: Session) -> Iterator[Finding]:
    del session
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    yield Finding("versions", f"{', '.join(found)}; Python {platform.python_version()} on {platform.platform()}")


def _folder(session: Session) -> Iterator[Finding]:
    """Try what a save needs: to write a file here, to bring it to the disk, to lock it."""
    folder = session.store.folder
    way = "set by XIANTONG_HOME" if session.environment.get("XIANTONG_HOME", "").strip() else "in the home folder"
    if not folder.exists():
        yield Finding(str(folder), f"nothing is saved yet ({way})")
        above = next(each for each in folder.parents if each.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            yield _unwritable(str(folder), OSError(errno.EACCES, f"{above} can't be written"))
        return
    found = folder.stat()
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077 and not found.st_mode & (stat.S_ISVTX | stat.S_ISGID):
        mode, mend = stat.S_IMODE(found.st_mode), f"chmod 700 {folder}, or save anything"
        yield Finding(str(folder), f"other users of this machine get in (mode {mode:o})", "wrong", mend)
    probed = folder / ".doctor"
    try:
        temp = disk.write_temp(probed, b"doctor")
    except OSError as error:
        yield _unwritable(str(folder), error)
        return
    try:
        with lock.held(temp, 0) as has_locks:
            pass
    finally:
        for each in (temp, lock.beside(temp)):
            disk.discard(each)
    if has_locks:
        yield Finding(str(folder), f"can be written, has locks ({way})")
    else:
        says = "its file system has no locks: of two changes at the same moment one may be lost"
        yield Finding(str(folder), says, "note", "Set XIANTONG_HOME to a folder on a disk of this machine.")


def _unwritable(about: str, error: OSError) -> Finding:
    mend = (
        "Free some space." if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Set XIANTONG_HOME to a folder of yours."
    )
    says = f"nothing can be saved: {disk.words(error)}"
    return Finding(about, says, "wrong", f"{mend} Until then connect keeps connections for the kernel only.")


def _files(session: Session) -> Iterator[Finding]:
    for name, file in session.store.files.items():
        try:
            data = file.read()
        except StoreError as error:
            yield Finding(name, error.message, "wrong", error.hint)
            continue
        if data is None:
            yield Finding(name, "is not there yet")
            continue
        yield from _of_file(name, session.store)


def _of_file(name: str, store: Store) -> Iterator[Finding]:
    """Tell of a file that can be read: its copies, who gets at it, who holds its lock, what lies about."""
    file = store.files[name]
    copies = len(file.copies.all())
    yield Finding(
        name, f"can be read, {file.path.stat().st_size:,} bytes" + (f", {copies} good copies" if copies else "")
    )
    if os.name == "posix" and (mode := stat.S_IMODE(file.path.stat().st_mode)) & 0o077:
        mend = f"chmod 600 {file.path}, or save anything"
        yield Finding(name, f"other users of this machine may read or write it (mode {mode:o})", "wrong", mend)
    if (pid := lock.holder(file.path)) is not None:
        yield Finding(name, f"is locked by process {pid} just now", "note", "Wait; if it stays so, end that process.")
    for path in sorted(file.path.parent.glob(f"{name}.corrupt-*")):
        yield Finding(path.name, "was moved aside", "note", f"Delete it when it is not needed any more: {path}")


def _machine(session: Session) -> Iterator[Finding]:
    identity = session.store.identity
    found = identity.found()
    opened = ""
    with contextlib.suppress(StoreError):  # said of the file
        opened = session.store.opened_by()
    if found is None:
        says = "has no id: keys are sealed under this user's name and home folder, which anybody can guess"
        mend = "A container wants an /etc/machine-id that stays; the file's mode is what keeps others out."
        yield Finding("machine", says, "note", mend)
    elif len(found[0]) < _SHORTEST_ID:
        says = (
            f"its id in {found[1]} is no id ({'empty' if not found[0] else 'too short'}): other machines have the same"
        )
        yield Finding(
            "machine", says, "note", "systemd-machine-id-setup makes one; keys saved before must be entered anew."
        )
    else:
        yield Finding("machine", f"has an id, in {found[1]}")
    for path in identity.id_files if found else ():
        if found and path.exists() and path.read_bytes().strip() != found[0].encode():
            yield Finding("machine", f"{path} holds another id than {found[1]}, which counts", "note")
    if opened:
        yield Finding("credentials.enc", f"sealed as {opened}")


def _lost_keys(session: Session) -> Iterator[Finding]:
    saved, lost = session.saved(), {}
    with contextlib.suppress(StoreError):  # said of the file
        lost = session.store.lost_keys()
    for slug, stored in lost.items():
        what = "removed" if stored.lost == "gone" else "changed"
        says = f"its key was saved here, and another program has {what} it"
        if slug not in saved:
            says += "; the connection is gone, too"
        mend = f"%xiantong restore {slug} puts it back; %xiantong restore {slug} --accept leaves it so."
        yield Finding(slug, says, "wrong", mend)


def _variables(session: Session) -> Iterator[Finding]:
    env = session.variables
    connections, saved = from_environment(env), session.saved()
    for slug, connection in connections.items():
        if connection.fault is not None:
            yield Finding(slug, str(connection.fault.args[0]), "wrong", connection.fault.hint)
        elif slug in saved:
            yield Finding(slug, "the environment has one, too; the saved one is asked")
    for variable in sorted({row.base_url_variable for row in PRESETS.values()} - {""}):
        if env.get(variable):
            yield Finding(variable, f"is set: {_without_user(env[variable])}")


def _network(session: Session) -> Iterator[Finding]:
    env = session.environment
    names = [name for each in PROXIES for name in (each, each.lower()) if env.get(name)]
    for name in names:
        yield Finding(name, f"is set: {_without_user(env[name])}")
    if any("PROXY" in name.upper() and name.upper() != "NO_PROXY" for name in names):
        yield Finding("proxies", "this machine's own servers are asked without them")


def _endpoints(session: Session) -> Iterator[Finding]:
    for connection, fault in _askable(session):
        if fault is not None:
            yield fault
            continue
        try:
            outcome = probe.test(session, resolve(connection, listed=session.lists.deciding))
        except XiantongError as error:
            yield Finding(connection.slug, error.message, "wrong", error.hint)
            continue
        if outcome.error is None:
            yield Finding(
                connection.slug, f"answers: {outcome.target} after {outcome.stages[-1].seconds * 1000:.0f} ms"
            )
        else:
            says = f"fails at “{outcome.failed_at}”: {outcome.error.message}"
            yield Finding(connection.slug, says, "wrong", outcome.error.hint)


def _connections(session: Session) -> Iterator[Finding]:
    for connection, fault in _askable(session):
        yield fault or Finding(connection.slug, f"can be asked: {connection.default_model} at {connection.base_url}")


def _askable(session: Session) -> Iterator[tuple[Connection, Finding | None]]:
    """Yield each connection but the embedded one and the app's, with what keeps it from being asked."""
    for connection in session.connections().values():
        if connection.preset.embedded or connection.foreign:
            continue
        fault = connection.fault
        if fault and not connection.saved:
            continue  # said with the variables that it is made of
        mend = "" if fault is None or isinstance(fault, StoreError) else fault.hint  # that of a file is said there
        yield connection, Finding(connection.slug, fault.message, "wrong", mend) if fault else None


def _without_user(url: str) -> str:
    """Return a URL without the name and password that may stand in it."""
    scheme, between, rest = url.partition("://")
    return f"{scheme}{between}{rest.rpartition('@')[2]}" if between else url.rpartition("@")[2]
