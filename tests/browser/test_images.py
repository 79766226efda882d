"""The pictures of the README, from the real JupyterLab with the toy models: `make shots` makes them anew."""

from __future__ import annotations

import os
import shutil

import pytest
from PIL import Image

from tests.browser.conftest import SHOTS
from tests.browser.panels import Panel
from tests.browser.test_panel import KEY, locked_engine  # noqa: F401  # the fixture

WANTED = bool(os.environ.get("XIANTONG_SHOTS"))
COMPARED = "%%ask demo:toy-1 demo:toy-2 --to made\nHello! Who are you, and what can you show me?"
PACED = "import os; os.environ['XIANTONG_DEMO_PACE'] = '80'"  # tokens per second, as in `make lab`
WIDTH = 1000
COLOURS = 128  # of a palette without dithering: a third of the bytes, and no difference that is seen
THEMES = ("light", "dark")


@pytest.fixture
def book(lab, opened):
    """Open a notebook whose second cell is this one, without the folders beside it; the first has run."""
    shutil.rmtree(lab.home / ".xiantong", ignore_errors=True)

    def open_(cell, name):
        made = opened(lab, ("%load_ext xiantong_nb", cell), width=WIDTH, name=f"{name}.ipynb")
        made.command("application:toggle-left-area")
        made.ask(PACED)
        made.run(0)
        return made

    return open_


@pytest.mark.skipif(not WANTED, reason="pictures are made by make shots")
def test_a_comparison(book, shot):
    compared = book(COMPARED, "compare")
    compared.run(1)
    compared.outputs(1).get_by_text("2 of 2 finished").first.wait_for()
    take(compared, shot, "readme-compare")


@pytest.mark.skipif(not WANTED, reason="pictures are made by make shots")
def test_the_form(book, shot, engine):
    form = book("%xiantong connect", "connect")
    form.run(1)
    panel = Panel(form, 1)
    panel.radio("Custom").check()
    panel.fill(Base_URL=engine.base_url, API_key=KEY, Model="toy-1", Name="mine")
    panel.button("Test").click()
    panel.says("It works")
    take(form, shot, "readme-connect")


def take(book, shot, name):
    """Take the page from its top to the end of the second cell, in both themes."""
    for theme in THEMES:
        book.theme(theme)
        box = book.page.locator(".jp-Notebook .jp-Cell").nth(1).bounding_box()
        book.page.set_viewport_size({"width": WIDTH, "height": int(box["y"] + box["height"]) + 36})
        book.page.mouse.move(0, 0)
        book.page.wait_for_timeout(400)  # the layout settles
        shot(book.page, f"{name}-{theme}")
        path = SHOTS / f"{name}-{theme}.png"
        Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
