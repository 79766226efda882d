"""Where everything is saved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from xiantong_nb.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping


def folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of everything that is saved: XIANTONG_HOME, else `.xiantong` in the user's home folder."""
    if given := environment.get("XIANTONG_HOME", "").strip():
        return Path(given).expanduser().absolute()
    return user_home(environment) / ".xiantong"


def user_home(environment: Mapping[str, str]) -> Path:
    """Return the home folder as the desktop app's runtime finds it: the variable first, then the user database."""
    variable = "USERPROFILE" if os.name == "nt" else "HOME"
    if given := environment.get(variable, ""):
        return Path(given)
    if os.name == "nt":
        return Path.home()
    import pwd

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        hint = "Set HOME, or XIANTONG_HOME to a folder of this user's."
        raise Unreadable("This user has no home folder.", hint=hint) from None
