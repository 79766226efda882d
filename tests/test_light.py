"""Loading the extension costs next to nothing: what may be loaded is named here."""

from __future__ import annotations

import subprocess
import sys

LOADED = {
    "IPython.core.magics.extension",  # %load_ext itself
    "xiantong_nb",
    "xiantong_nb.errors",
    "xiantong_nb.notebook",
    "xiantong_nb.notebook.audience",
    "xiantong_nb.notebook.edge",
    "xiantong_nb.notebook.extension",
    "xiantong_nb.notebook.magics",
    "xiantong_nb.notebook.preferences",
    "xiantong_nb.safe_terminal",
}
SCRIPT = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "xiantong_nb")
print(*sorted(set(sys.modules) - before))
"""


def run(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout


def test_load_ext_loads_only_the_edge():
    assert set(run(SCRIPT).split()) == LOADED


def test_import_loads_only_itself():
    script = "import sys; before = set(sys.modules); import xiantong_nb; print(*set(sys.modules) - before)"
    assert {name for name in run(script).split() if name.startswith("xiantong_nb")} == {"xiantong_nb"}


def test_every_public_name_can_be_fetched():
    script = "import xiantong_nb\nfor name in xiantong_nb.__all__: assert getattr(xiantong_nb, name) is not None, name"
    run(script)
    run("from xiantong_nb import *")


def test_no_public_name_is_hidden_by_a_module():
    """Importing a submodule sets its name on the package: a function of that name would be gone."""
    script = (
        "import importlib, pkgutil, xiantong_nb\n"
        "names = {m.name for m in pkgutil.iter_modules(xiantong_nb.__path__)}\n"
        "print(*names & set(xiantong_nb.__all__))"
    )
    assert run(script).split() == []
