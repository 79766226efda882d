"""R5: the nth system call of a save fails, once or from then on, for every n; nothing is lost and the cause is said."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.torture.figure import Figure, in_memory
from xiantong_nb.errors import NotSaved, StoreBusy, StoreError, Unreadable
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

PLACE, OLD, NEW = "https://gw.example", Secret("old-CANARY-0123456789-wxyz"), Secret("new-CANARY-0123456789-wxyz")
HERE = Identity({"HOME": "/home/x"}, ())
CALLS = {
    "open": os, "read": os, "write": os, "fsync": os, "fchmod": os, "fstat": os, "close": os, "replace": os,
    "unlink": os, "flock": fcntl,
}  # fmt: skip
CAUSES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EINTR, errno.EMFILE)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

# for the system's own calls, where strace makes them fail; open, read and write are Python's own start as well
REAL = {
    "fsync": (errno.EIO, errno.ENOSPC, errno.EDQUOT),
    "rename": (errno.EACCES, errno.EIO, errno.EROFS),
    "flock": (errno.EIO, errno.ENOLCK, errno.ENOSYS),
}
SAVE = """
import sys
from pathlib import Path
from xiantong_nb.errors import StoreError
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault
try:
    Vault(Path(sys.argv[1]), Identity({"HOME": "/home/x"}, ())).put("k", Secret(sys.argv[2]), "https://gw.example")
    print("saved")
except StoreError as error:
    print(error)
"""


class Failing:
    """A call that fails the nth time, or from then on; a short write only takes less."""

    def __init__(self, call: str, nth: int, code: int, *, for_ever: bool) -> None:
        self.real, self.left, self.code, self.for_ever = getattr(CALLS[call], call), nth, code, for_ever
        self.failed = False

    def __call__(self, *args, **more):
        self.left -= 1
        if self.left == 0 or (self.for_ever and self.left < 0):
            self.failed = True
            if self.real is os.close:
                self.real(*args)  # Linux closes it whatever it says
            raise OSError(self.code, os.strerror(self.code))
        return self.real(*args, **more)


def figure(*, every_cause: bool, real: int) -> Figure:
    """`every_cause` takes all of them at each call, else they take turns; `real` is how many strace may inject."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    with in_memory() as folder:
        vault = Vault(folder, HERE)
        for each in (vault.file, vault.kept):
            each._torn_patience = each._lock_patience = 0.05
        vault.put("k", OLD, PLACE)
        umask = os.umask(0o777)  # so that every mode has to be set
        try:
            for call in CALLS:
                for for_ever in (False, True):
                    wrong += _all_of(vault, call, for_ever, every_cause, counts)
        finally:
            os.umask(umask)
        wrong += _short_writes(vault)
        wrong += _injected(vault, real, counts)
    value = f"{len(wrong)} wrong of {counts['failed']:,} failed calls"
    notes = (
        f"{counts['said']:,} said their cause, {counts['saved']:,} were no reason not to save",
        f"{counts['injected']} of them injected by strace",
        *wrong[:5],
    )
    return Figure(value, "0", not wrong and counts["failed"] > 0 and counts["injected"] == real, notes)


def _all_of(vault: Vault, call: str, for_ever: bool, every_cause: bool, counts: Counter[str]) -> list[str]:
    """Let each of one call fail, until a save passes without reaching the nth."""
    wrong: list[str] = []
    causes = CAUSES + NO_LOCKS if call == "flock" else CAUSES
    for nth in range(1, 200):
        reached = False
        for code in causes if every_cause else (causes[nth % len(causes)],):
            vault.put("k", OLD, PLACE)
            failing, error, notes = Failing(call, nth, code, for_ever=for_ever), None, ()
            setattr(CALLS[call], call, lambda *a, f=failing, **m: f(*a, **m))
            try:
                notes = vault.put("k", NEW, PLACE)[1]
            except (NotSaved, Unreadable, StoreBusy) as caught:
                error = caught
            except Exception as caught:  # noqa: BLE001  # whatever else it is, it is wrong
                wrong.append(f"{call} {nth}: {caught!r}")
            finally:
                setattr(CALLS[call], call, failing.real)
            if failing.failed:
                reached = True
                counts.update(failed=1, said=error is not None, saved=error is None)
                where = f"{call} {nth} {errno.errorcode[code]}{' for ever' if for_ever else ''}"
                wrong += [f"{where}: {what}" for what in _wrong_after(vault, error, notes, code)]
        if not reached:
            if nth == 1:
                wrong.append(f"{call} was never called")
            return wrong
    return [*wrong, f"{call} never ended"]


def _wrong_after(vault: Vault, error: StoreError | None, notes: tuple[str, ...], code: int) -> list[str]:
    """What is not as it must be after a save that met a failing call."""
    wrong = []
    found = vault.keys()["k"]
    if found.key != (OLD if error else NEW):
        wrong.append(f"{found} after {error or 'a save'}")
    if error is not None and not isinstance(error, StoreBusy) and os.strerror(code).lower() not in error.message:
        wrong.append(f"the cause is not in {error.message!r}")
    if error is not None and not (error.hint and error.path):
        wrong.append(f"no next step in {error!r}")
    if error is None and found.lost and not notes:
        wrong.append(f"{found} was not said")
    try:
        vault.put("k", Secret("good-CANARY-0123456789-wxyz"), PLACE)
    except StoreError as again:
        return [*wrong, f"the next save: {again!r}"]
    left = [path.name for path in vault.file.path.parent.iterdir() if path.name.endswith(".tmp")]
    return wrong + ([f"left behind: {left}"] if left else [])


def _short_writes(vault: Vault) -> list[str]:
    """Every write takes a few bytes only."""
    real = os.write
    os.write = lambda handle, data: real(handle, bytes(data)[:7])
    try:
        vault.put("k", NEW, PLACE)
    finally:
        os.write = real
    return [] if vault.keys()["k"].key == NEW else ["a short write was taken for a whole one"]


def _injected(vault: Vault, most: int, counts: Counter[str]) -> list[str]:
    """The same with real system calls, which strace lets fail in another process."""
    if most and shutil.which("strace") is None:
        return ["strace is not installed"]
    trials = [
        (call, code, nth, sign)
        for nth in range(1, 7)
        for call, codes in REAL.items()
        for code in codes
        for sign in ("", "+")
    ]
    wrong = []
    for call, code, nth, sign in trials[:most]:
        vault.put("k", OLD, PLACE)
        rule = f"inject={call}:error={errno.errorcode[code]}:when={nth}{sign}"
        command = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}", "-e", rule]
        script = [sys.executable, "-c", SAVE, str(vault.file.path.parent), NEW.reveal()]
        done = subprocess.run([*command, *script], capture_output=True, text=True, timeout=60, check=False)
        found, is_saved = vault.keys()["k"].key, done.stdout.startswith("saved")
        counts.update(failed=1, injected=1, said=not is_saved, saved=is_saved)
        if done.returncode or found != (NEW if is_saved else OLD):
            wrong.append(f"{rule}: {found} after {done.stdout}{done.stderr[-500:]}")
        elif not is_saved and os.strerror(code).lower() not in done.stdout:
            wrong.append(f"{rule}: the cause is not in {done.stdout!r}")
        vault.put("k", OLD, PLACE)
        if left := [path.name for path in vault.file.path.parent.iterdir() if path.name.endswith(".tmp")]:
            counts["left"] += 1
            if not all(name.split(".")[-3].isdigit() for name in left):
                wrong.append(f"{rule}: left behind {left}")
            for name in left:  # another process's, which would go after an hour
                Path(vault.file.path.parent, name).unlink()
    return wrong
