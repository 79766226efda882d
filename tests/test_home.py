"""Where everything is saved."""

from __future__ import annotations

import pwd
from pathlib import Path

from xiantong_nb import home


def test_the_variable_moves_everything_and_a_blank_one_does_not():
    assert home.folder({"XIANTONG_HOME": "/x/y", "HOME": "/h"}) == Path("/x/y")
    assert home.folder({"XIANTONG_HOME": "rel", "HOME": "/h"}) == Path.cwd() / "rel"
    assert home.folder({"XIANTONG_HOME": "  ", "HOME": "/h"}) == Path("/h/.xiantong")


def test_home_is_the_variable_then_the_user_database(monkeypatch):
    assert home.user_home({"HOME": "/h"}) == Path("/h")
    import os

    assert home.user_home({"HOME": ""}) == Path(pwd.getpwuid(os.getuid()).pw_dir)
