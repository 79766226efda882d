"""Loading and unloading: what is registered with the shell, and taken away again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xiantong_nb.notebook.magics import AskMagics

_ANSWERS = (("xiantong_nb.reply", "Reply"), ("xiantong_nb.comparison", "Comparison"))
_loaded: dict[int, AskMagics] = {}
_ASKED = re.compile(r"(?P<before>[ \t]*(?:[\w.\[\]'\", ]+=[ \t]*)?)%ask[ \t]+(?P<question>\S.*\?)[ \t]*\n?\Z")
_HELP = re.compile(r"(?P<before>[ \t]*)%xiantong[ \t]+(?P<question>[a-z]+)[ \t]*\?+[ \t]*\n?\Z")


def load(shell: Any) -> None:
    """Register magics, the display rule for answers and the hook that knows the cell; twice does no harm."""
    if id(shell) in _loaded:
        return
    from xiantong_nb.notebook.magics import AskMagics

    magics = _loaded[id(shell)] = AskMagics(shell)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", magics.cell_begins)
    shell.input_transformers_cleanup.append(questions)
    # by name, so that no class is imported before there is an answer
    for name in _ANSWERS:
        shell.display_formatter.ipython_display_formatter.for_type_by_name(*name, magics.shown_already)


def questions(lines: list[str]) -> list[str]:
    """
    Let one-line questions end in a question mark, as most do.

    IPython reads such a line as a call for help, `%ask what is it?` as help on `it`. `%ask?` alone stays so, and
    `%xiantong use?` asks for the help of that command.
    """
    if lines and lines[0].startswith("%%"):
        return lines
    told, text = [], ""
    for line in lines:
        quoted = text.count('"""') % 2 or text.count("'''") % 2
        found = None if quoted else _ASKED.match(line) or _HELP.match(line)
        text += line
        if found:
            magic, more = ("xiantong", " -h") if found.re is _HELP else ("ask", "")
            call = f"get_ipython().run_line_magic('{magic}', {found['question'] + more!r})"
            told.append(f"{found['before']}{call}\n")
        else:
            told.append(line)
    return told


def unload(shell: Any) -> None:
    """Take everything away again; without a load before it, nothing."""
    magics = _loaded.pop(id(shell), None)
    if magics is None:
        return
    magics.close()
    shell.events.unregister("pre_run_cell", magics.cell_begins)
    shell.input_transformers_cleanup.remove(questions)
    formatter = shell.display_formatter.ipython_display_formatter
    for name in _ANSWERS:
        formatter.deferred_printers.pop(name, None)
    for kind in [k for k in formatter.type_printers if (k.__module__, k.__name__) in _ANSWERS]:
        formatter.pop(kind)
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
