"""config.json and notebook.json: what is touched, and what is kept."""

from __future__ import annotations

import json

import pytest

from xiantong_nb.errors import NotSaved, Unreadable, UsageError
from xiantong_nb.settings import Settings

APP = {
    "zoom": 1.5,
    "llmConnections": [{"slug": "max", "name": "Max", "authType": "oauth", "x": {"deep": [1]}}, {"slug": "b"}],
    "workspaces": [{"id": "w"}],
    "defaultLlmConnection": "max",
    "activeWorkspaceId": "w",
    "activeSessionId": None,
    "unknown": "é🐼\ud800",
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "xiantong"


@pytest.fixture
def with_app(folder):
    folder.mkdir(mode=0o700)
    (folder / "config.json").write_text(json.dumps(APP, indent=2))
    return folder


def config(folder):
    return json.loads((folder / "config.json").read_text())


def own(folder):
    return json.loads((folder / "notebook.json").read_text())


def put(folder, slug, ours=None, *, default=False, **fields):
    return Settings(folder).put(slug, lambda raw: {"slug": slug, **(raw or {}), **fields}, ours or {}, default=default)


def test_nothing_saved_reads_as_nothing_and_makes_no_file(folder):
    settings = Settings(folder)
    assert (settings.entries(), settings.own(), settings.default()) == ({}, {}, "")
    assert not folder.exists()


def test_a_new_file_is_one_that_the_app_takes(folder):
    put(folder, "c", name="C")
    assert config(folder) == {
        "llmConnections": [{"slug": "c", "name": "C"}],
        "defaultLlmConnection": "c",
        "workspaces": [],
        "activeWorkspaceId": None,
        "activeSessionId": None,
    }
    text = (folder / "config.json").read_bytes()
    assert text.isascii()
    assert text.startswith(b'{\n  "')
    assert not (folder / "notebook.json").exists()


def test_everything_else_stays_and_in_its_order(with_app):
    put(with_app, "c")
    put(with_app, "b", name="B")
    after = config(with_app)
    assert list(after) == list(APP)
    assert {k: v for k, v in after.items() if k != "llmConnections"} == {
        k: v for k, v in APP.items() if k != "llmConnections"
    }
    assert after["llmConnections"] == [APP["llmConnections"][0], {"slug": "b", "name": "B"}, {"slug": "c"}]


def test_the_default_is_the_first_unless_it_is_said(with_app):
    put(with_app, "c")
    assert config(with_app)["defaultLlmConnection"] == "max"
    put(with_app, "c", default=True)
    assert config(with_app)["defaultLlmConnection"] == "c"
    assert Settings(with_app).default() == "c"


def test_a_default_that_names_nothing_is_mended_when_something_is_saved(with_app):
    (with_app / "config.json").write_text(json.dumps(APP | {"defaultLlmConnection": "gone"}))
    put(with_app, "c")
    assert config(with_app)["defaultLlmConnection"] == "max"


def test_removing_points_the_default_to_the_first_that_remains(with_app):
    Settings(with_app).remove("max")
    assert config(with_app)["defaultLlmConnection"] == "b"
    Settings(with_app).remove("b")
    assert "defaultLlmConnection" not in config(with_app)
    assert config(with_app)["llmConnections"] == []
    Settings(with_app).remove("b")


def test_our_own_fields_stand_beside_by_slug(folder):
    put(folder, "c", {"authHeader": "x-api-key"})
    put(folder, "d", {"keyVariable": "K"})
    assert own(folder) == {"connections": {"c": {"authHeader": "x-api-key"}, "d": {"keyVariable": "K"}}}
    put(folder, "c", {})
    assert Settings(folder).own() == {"d": {"keyVariable": "K"}}
    Settings(folder).remove("d")
    assert own(folder) == {"connections": {}}


def test_what_is_unknown_in_our_own_file_stays(folder):
    put(folder, "c", {"keyVariable": "K"})
    (folder / "notebook.json").write_text(json.dumps(own(folder) | {"future": 1}))
    put(folder, "c", {"keyVariable": "L"})
    assert own(folder) == {"connections": {"c": {"keyVariable": "L"}}, "future": 1}


def test_a_change_of_one_entry_leaves_the_others(with_app):
    Settings(with_app).change("b", lambda raw: {**raw, "name": "New"}, default=True)
    assert config(with_app)["llmConnections"][1] == {"slug": "b", "name": "New"}
    assert config(with_app)["defaultLlmConnection"] == "b"
    with pytest.raises(UsageError, match="not saved any more"):
        Settings(with_app).change("gone", dict)


def test_of_two_entries_with_one_slug_the_first_counts(folder):
    folder.mkdir(mode=0o700)
    entries = [{"slug": "c", "n": 1}, {"slug": "c", "n": 2}, "odd", None, {"slug": 5}, {}]
    (folder / "config.json").write_text(json.dumps({"llmConnections": entries}))
    assert Settings(folder).entries() == {"c": {"slug": "c", "n": 1}}
    put(folder, "d")
    assert config(folder)["llmConnections"] == [*entries, {"slug": "d"}]


def test_a_failed_save_takes_back_what_stands_beside(with_app):
    put(with_app, "b", {"keyVariable": "K"})
    before = (with_app / "config.json").read_bytes()
    with pytest.raises(NotSaved):
        put(with_app, "b", {"keyVariable": "L"}, bad=float("nan"))
    assert (with_app / "config.json").read_bytes() == before
    assert own(with_app)["connections"] == {"b": {"keyVariable": "K"}}


@pytest.mark.parametrize(
    "text",
    [
        '{"llmConnections": [', "", "null", "[]", "\ufeff{}", '{"a": NaN}', '{"a": 1e999}', '{"llmConnections": {}}',
        '{"llmConnections": null}', "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "{} x",
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_neither_read_nor_written_over(folder, text):
    folder.mkdir(mode=0o700)
    (folder / "config.json").write_text(text)
    with pytest.raises(Unreadable) as caught:
        Settings(folder).entries()
    assert caught.value.path == str(folder / "config.json")
    assert caught.value.hint
    with pytest.raises(Unreadable):
        put(folder, "c")
    assert (folder / "config.json").read_text() == text
