"""Who this machine and user are, told as the desktop app tells it: what the key of the envelope is made from."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xiantong_nb.errors import Unreadable
from xiantong_nb.home import user_home

if TYPE_CHECKING:
    from collections.abc import Mapping

# what JavaScript's trim() takes off, which is neither Python's set nor Unicode's
_JS_SPACE = (
    "\t\n\x0b\x0c\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_ID_FILES = (Path("/var/lib/dbus/machine-id"), Path("/etc/machine-id"))


@dataclass(frozen=True, slots=True)
class Identity:
    """
    The machine and the user. Everything is read anew each time: an id can change under a running kernel.

    `id_files` are where Linux keeps the id of the machine; the first that exists counts, even when it is empty.
    """

    environment: Mapping[str, str]
    id_files: tuple[Path, ...] = _ID_FILES

    def machine(self) -> str:
        """Return the machine's id, or where it has none `user:home`. Raises `Unreadable` without either."""
        if (found := self.found()) is not None:
            return found[0]
        user = _user()
        if user is None:
            msg = "This machine has no id and this user no name, so no key can be made for the saved ones."
            raise Unreadable(msg, hint="Give the machine an id (/etc/machine-id), or name keys by --key-env.")
        return f"{user}:{user_home(self.environment)}"

    def found(self) -> tuple[str, str] | None:
        """Return the machine's own id and where it stands, None where it has none."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return self._machine_id()
        return None

    def legacy(self) -> str | None:
        """Return what older files were made under, or None for a user without a name."""
        user = _user()
        return None if user is None else f"{socket.gethostname()}{user}{user_home(self.environment)}"

    def _machine_id(self) -> tuple[str, str] | None:
        if sys.platform == "darwin":  # written from the format's description; not run on such a machine yet
            command = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
            told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603
            ids = (line.split('"')[3] for line in told.splitlines() if '"IOPlatformUUID"' in line)
            return next(((found, "IOPlatformUUID") for found in ids), None)
        if sys.platform == "win32":  # likewise
            import winreg

            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0]), "MachineGuid"
        for path in self.id_files:
            if path.exists():
                return path.read_bytes().decode("utf-8", "replace").strip(_JS_SPACE), str(path)
        return None


def _user() -> str | None:
    """Return the user's name as the system has it, not as the environment says."""
    if os.name == "nt":
        return os.getlogin()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None
