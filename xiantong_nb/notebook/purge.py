"""Taking keys that were typed into cells out of IPython's history, in memory and on disk."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xiantong_nb.secret import looks_like_key

if TYPE_CHECKING:
    from collections.abc import MutableMapping

GONE = "# (a line that held a key was here)"
_REMEMBERED = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|\d+")
_PATIENCE = 10.0  # seconds for the history's other writers
_TABLES = {"history": ("source", "source_raw"), "output_history": ("output",)}


def purge(shell: Any) -> int:
    """
    Replace every remembered line or output that holds something shaped like a key; returns how many there were.

    The database is written anew without them, since SQLite leaves what it deletes in the file's free pages.
    """
    manager = shell.history_manager
    manager.writeout_cache()
    count = sum(_in_list(lines) for lines in (manager.input_hist_raw, manager.input_hist_parsed))
    count += sum(_in_names(names) for names in (shell.user_ns, manager.output_hist, manager.output_hist_reprs))
    for name in ("_i00", "_i", "_ii", "_iii"):
        if looks_like_key(getattr(manager, name)):
            setattr(manager, name, GONE)
    if manager.enabled and Path(manager.hist_file).is_file():
        count += _in_database(manager.hist_file)
    return count


def _in_list(lines: list[str]) -> int:
    held = [at for at, line in enumerate(lines) if looks_like_key(line)]
    for at in held:
        lines[at] = GONE
    return len(held)


def _in_names(names: MutableMapping[Any, Any]) -> int:
    """Replace text under the names that IPython gives to inputs and outputs; a user's own variables stay."""
    held = [n for n, v in names.items() if _REMEMBERED.fullmatch(str(n)) and isinstance(v, str) and looks_like_key(v)]
    for name in held:
        names[name] = GONE
    return len(held)


def _in_database(path: str) -> int:
    """Rewrite the history's database without such lines; returns how many rows had one."""
    with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as history:
        history.create_function("holds_key", 1, lambda text: isinstance(text, str) and looks_like_key(text))
        history.execute("PRAGMA secure_delete = ON")
        count = 0
        for table, columns in _TABLES.items():
            for column in columns:  # constants of this module, never a user's
                update = f"UPDATE {table} SET {column} = ? WHERE holds_key({column})"  # noqa: S608
                count += history.execute(update, (GONE,)).rowcount
        history.execute("VACUUM")
        history.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count
