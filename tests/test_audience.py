"""Who is in front of a cell, told by what each front end sends with it."""

from __future__ import annotations

import pytest

from xiantong_nb.notebook.audience import Audience, in_front

ASKABLE, MUTE = {"allow_stdin": True}, {"allow_stdin": False}
LAB = {"deletedCells": [], "recordTiming": False, "cellId": "a"}
SERVED = {"JPY_SESSION_NAME": "notebooks/a.ipynb"}


@pytest.mark.parametrize(
    ("sent", "environment", "who"),
    [
        (None, {}, Audience.TERMINAL),
        ({"content": ASKABLE, "metadata": LAB}, SERVED, Audience.PAGE),
        ({"content": ASKABLE, "metadata": {"cellId": "a"}}, {}, Audience.PAGE),  # VS Code starts kernels itself
        ({"content": ASKABLE, "metadata": {}}, SERVED, Audience.PAGE),  # a code console in JupyterLab
        ({"content": ASKABLE, "metadata": {}}, {}, Audience.CONSOLE),
        ({"content": MUTE, "metadata": {}}, {}, Audience.NOBODY),  # nbclient, papermill
        ({"content": MUTE, "metadata": LAB}, SERVED, Audience.NOBODY),
        ({}, {}, Audience.NOBODY),  # code that runs before any cell
    ],
)
def test_each_front_end_is_told_apart(sent, environment, who):
    assert in_front(sent, environment) is who
    assert who.reads_lines is (who in (Audience.TERMINAL, Audience.CONSOLE))
