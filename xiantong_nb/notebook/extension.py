"""Loading and unloading: what is registered with the shell, and taken away again."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xiantong_nb.notebook.magics import AskMagics
    from xiantong_nb.notebook.preferences import Xiantong

MATCHER = "xiantong_nb"
"""The name of what Tab offers of ours, for `c.IPCompleter.disable_matchers`."""
_ANSWERS = (("xiantong_nb.reply", "Reply"), ("xiantong_nb.comparison", "Comparison"))
_loaded: dict[int, tuple[AskMagics, Xiantong]] = {}
_OURS = re.compile(r"%ask\b|\bxiantong\b")
_ASKED = re.compile(r"(?P<before>[ \t]*(?:[\w.\[\]'\", ]+=[ \t]*)?)%ask[ \t]+(?P<question>\S.*\?)[ \t]*\n?\Z")
_HELP = re.compile(r"(?P<before>[ \t]*)%xiantong[ \t]+(?P<question>[a-z]+)[ \t]*\?+[ \t]*\n?\Z")


def load(shell: Any) -> None:
    """Register magics, what Tab and `%config` know, how answers display, what knows the cell; twice does no harm."""
    if id(shell) in _loaded:
        return
    from xiantong_nb.notebook.magics import AskMagics
    from xiantong_nb.notebook.preferences import Xiantong

    preferences = Xiantong.of(shell)
    magics = AskMagics(shell, preferences)
    _loaded[id(shell)] = magics, preferences
    shell.configurables.append(preferences)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", magics.cell_begins)
    shell.input_transformers_cleanup.append(questions)
    with contextlib.suppress(ImportError, AttributeError):  # IPython calls this interface provisional
        shell.Completer.custom_matchers.append(_matcher(shell))
    # by name, so that no class is imported before there is an answer
    for name in _ANSWERS:
        shell.display_formatter.ipython_display_formatter.for_type_by_name(*name, magics.shown_already)
        shell.display_formatter.mimebundle_formatter.for_type_by_name(*name, magics.shown_later)


def _matcher(shell: Any) -> Any:
    """Return what IPython asks at each Tab; what answers is loaded by the first that is about these magics."""
    from IPython.core.completer import context_matcher

    @context_matcher(identifier=MATCHER)
    def offered(context: Any) -> Any:
        if not _OURS.search(context.full_text):
            return {"completions": []}
        try:
            from xiantong_nb.notebook import completion

            hidden = shell.user_ns_hidden
            names = {n: value for n, value in shell.user_ns.items() if n not in hidden or hidden[n] is not value}
            return completion.answer(context, names)
        except Exception:  # noqa: BLE001  # IPython would print a traceback into what is being typed
            return {"completions": []}

    return offered


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
    magics, preferences = _loaded.pop(id(shell), (None, None))
    if magics is None:
        return
    magics.close()
    shell.configurables[:] = [each for each in shell.configurables if each is not preferences and each is not magics]
    shell.events.unregister("pre_run_cell", magics.cell_begins)
    shell.input_transformers_cleanup.remove(questions)
    with contextlib.suppress(AttributeError):
        matchers = shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != MATCHER]
    for formatter in (shell.display_formatter.ipython_display_formatter, shell.display_formatter.mimebundle_formatter):
        for name in _ANSWERS:
            formatter.deferred_printers.pop(name, None)
        for kind in [k for k in formatter.type_printers if (k.__module__, k.__name__) in _ANSWERS]:
            formatter.pop(kind)
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
