"""A change of what is saved, or in use, is noticed within about a second, and the watch ends with its last listener."""

from __future__ import annotations

import gc

import pytest

from tests.engines import until
from xiantong_nb.draft import Draft
from xiantong_nb.session import Session
from xiantong_nb.upkeep import remove
from xiantong_nb.watch import Watch
from xiantong_nb.wizard import Wizard


class Heard:
    """A listener that counts."""

    def __init__(self):
        self.changes = self.looks = 0

    def look(self, *, changed):
        self.looks += 1
        self.changes += changed


@pytest.fixture
def session(tmp_path):
    return Session(folder=tmp_path / "xiantong", environment={})


def save(session, name):
    wizard = Wizard(session, Draft("custom", "http://127.0.0.1:1", model="m", name=name))
    assert wizard.check()
    wizard.save(untested=True)


def in_place(session):
    """Write as the app does: truncate, write, with the same size."""
    path = session.store.folder / "config.json"
    path.write_text(path.read_text().replace("first", "FIRST"))


CHANGES = {
    "a save": lambda session: save(session, "second"),
    "a removal": lambda session: remove(session, "first"),
    "a removed file": lambda session: (session.store.folder / "config.json").unlink(),
    "a write in place": in_place,
    "a choice": lambda session: session.use("demo"),
    "a connection of this kernel": lambda session: session.here.update(x=session.connections()["demo"]),
    "a variable": lambda session: session.environment.update(OPENROUTER_API_KEY="k"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_change_is_heard(session, change):
    save(session, "first")
    heard, made = Heard(), Watch(session, seconds=0.02)
    made.add(heard)
    assert until(lambda: heard.looks > 2)
    assert heard.changes == 0
    change(session)
    assert until(lambda: heard.changes)
    made.drop(heard)
    assert until(lambda: not made.runs)


def test_the_watch_ends_with_its_last_listener_and_begins_again(session):
    first, second, made = Heard(), Heard(), Watch(session, seconds=0.02)
    made.add(first)
    made.add(second)
    made.drop(first)
    assert until(lambda second=second: second.looks > 2)
    del second
    gc.collect()
    assert until(lambda: not made.runs), "a listener that is collected is none"
    made.add(first)
    looks = first.looks
    assert until(lambda: first.looks > looks)
    made.drop(first)
    assert until(lambda: not made.runs)
