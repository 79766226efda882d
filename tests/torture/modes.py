"""R11: another user of the machine reads nothing, at any instant of many saves, whatever the umask."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

from tests.torture.figure import Figure, in_memory
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.settings import Settings
from xiantong_nb.vault import Vault

UMASKS = (0o000, 0o022, 0o077, 0o777)
NOBODY = 65534
HERE = Identity({"HOME": "/home/x"}, ())


def figure(*, saves: int) -> Figure:
    """Saves under each umask, in a folder of our own and in one that all may list, while another user reads."""
    if os.geteuid() != 0:
        return Figure("not run", "0 bytes", met=False, notes=("only root can read as another user",))
    read = looks = seen = 0
    wrong: list[str] = []
    for shared in (False, True):
        for umask in UMASKS:
            with in_memory() as folder:
                folder.parent.chmod(0o755)
                folder.mkdir(mode=0o700)
                folder.chmod(0o1777 if shared else 0o755)  # the second is open until the first save
                for name in ("credentials.enc", "config.json"):
                    (folder / name).touch()
                    (folder / name).unlink()
                said = _watched(folder, umask, max(1, saves // (2 * len(UMASKS))))
                wrong += _modes(folder, shared=shared)
            read, looks, seen = read + said["bytes"], looks + said["looks"], seen + said["names"]
    value = f"{read} bytes readable, {len(wrong)} wrong modes"
    notes = (f"{saves:,} saves, {looks:,} looks of another user, who could name {seen:,} files", *wrong[:3])
    return Figure(value, "0, 0", not read and not wrong and seen > 0, notes)


def _watched(folder: Path, umask: int, saves: int) -> dict[str, int]:
    """Save so often, while another user tries to read whatever has a name there."""
    command = [sys.executable, "-m", "tests.torture.modes", str(folder)]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    before = os.umask(umask)
    try:
        watcher.stdout.readline()
        vault, settings = Vault(folder, HERE), Settings(folder)
        for n in range(saves):
            vault.put("k", Secret(f"key-{n}"), "https://gw.example")
            settings.put("k", lambda _, n=n: {"slug": "k", "n": n}, {"allowHttp": n % 2 == 0}, default=False)
    finally:
        os.umask(before)
        said = watcher.communicate("\n", timeout=60)[0]
    return json.loads(said)


def _modes(folder: Path, *, shared: bool) -> list[str]:
    wanted = dict.fromkeys((path.name for path in folder.iterdir()), 0o600)
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    wrong = [f"{name}: {oct(found[name])}" for name in wanted if found[name] != wanted[name]]
    if not shared and stat.S_IMODE(folder.stat().st_mode) != 0o700:
        wrong.append(f"the folder: {oct(folder.stat().st_mode)}")
    return wrong


def watch(folder: str) -> None:
    """As another user: read all that has a name, known or listed, until told to stop; print what came of it."""
    import selectors

    known = ["credentials.enc", "notebook.enc", "config.json", "notebook.json"]
    known += [f"{name}.{end}" for name in known for end in ("lock", "good-1", "good-2", "good-3", "good-4")]
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    ready = selectors.DefaultSelector()
    ready.register(sys.stdin, selectors.EVENT_READ)
    print("watching", flush=True)
    count, looks, names = 0, 0, set()
    while not ready.select(0):
        try:
            listed = [path.name for path in Path(folder).iterdir()]
        except OSError:
            listed = []
        names |= set(listed)
        for name in {*known, *listed}:
            looks += 1
            try:
                handle = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue  # as it should be
            names.add(name)
            count += len(os.read(handle, 1 << 20))
            os.close(handle)
        time.sleep(0)
    print(json.dumps({"bytes": count, "looks": looks, "names": len(names)}))


if __name__ == "__main__":
    watch(sys.argv[1])
