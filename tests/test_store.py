"""What is saved: connections with their keys, both files together or neither."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from xiantong_nb.connection import Connection, Target
from xiantong_nb.errors import StoreError, Unreadable
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.store import Store

KEY, OTHER = Secret("sk-CANARY-0123456789-wxyz"), Secret("sk-OTHER-0123456789-abcd")


def connection(slug="c", url="https://gw.example", **more):
    return Connection(slug, PRESETS["custom"], url, "m", name=slug.upper(), **{"key": KEY, **more})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "xiantong", {})


def config(store):
    return json.loads((store.folder / "config.json").read_text())


def test_what_is_saved_is_found_by_another_one(store):
    store.put(connection(), tested=True)
    (found,) = Store(store.folder, {}).connections().values()
    assert (found.slug, found.key, found.base_url, found.default_model) == ("c", KEY, "https://gw.example", "m")
    assert (found.saved, found.unbound, found.fault) == (True, False, None)
    assert found.last_used == config(store)["llmConnections"][0]["lastUsedAt"]
    assert store.default() == "c"


def test_no_key_stands_readable_in_any_file(store):
    store.put(connection())
    for path in store.folder.iterdir():
        assert b"CANARY" not in path.read_bytes(), path
        assert path.stat().st_mode & 0o077 == 0, path
    assert store.folder.stat().st_mode & 0o077 == 0


def test_an_untested_connection_was_never_used_well(store):
    store.put(connection())
    assert store.connections()["c"].last_used is None
    store.tested("c")
    assert store.connections()["c"].last_used > 1_700_000_000_000


def test_a_connection_that_moves_leaves_its_models_and_its_test_behind(store):
    store.put(replace(connection(), default_model="old"), tested=True)
    store.put(replace(connection(url="https://new.example"), default_model="new"))
    (entry,) = config(store)["llmConnections"]
    assert (entry["models"], entry["baseUrl"]) == (["new"], "https://new.example")
    assert "lastUsedAt" not in entry
    assert store.connections()["c"].key == KEY


def test_an_endpoint_asked_by_its_other_wire_has_not_moved(store):
    store.put(connection(), images="all", tested=True)
    path = store.folder / "config.json"
    raw = config(store)
    raw["llmConnections"][0]["models"] = models = [{"id": "m", "contextWindow": 9, "supportsImages": True}, "n"]
    path.write_text(json.dumps(raw))
    store.put(connection(url="https://gw.example/v1", wire="openai-completions"))
    (entry,) = config(store)["llmConnections"]
    assert entry["models"] == models
    assert entry["customEndpoint"] == {"api": "openai-completions", "supportsImages": True}
    found = store.connections()["c"]
    assert (found.base_url, found.images, found.all_images) == ("https://gw.example/v1", {"m": True}, True)


def test_a_key_is_bound_to_its_origin(store):
    store.put(connection())
    edited = config(store)
    edited["llmConnections"][0]["baseUrl"] = "https://evil.example"
    (store.folder / "config.json").write_text(json.dumps(edited))
    found = store.connections()["c"]
    assert found.key is None
    assert "https://evil.example" in found.fault.message


def test_a_key_no_longer_used_is_removed(store):
    store.put(connection())
    store.put(replace(connection(), key=OTHER, key_variable="K"))
    entry = Store(store.folder, {"K": OTHER.reveal()}).connections()["c"]
    assert (entry.key, entry.key_from) == (OTHER, "K")
    store.put(connection())
    assert store.connections()["c"].key == KEY
    store.put(replace(connection(), key=None))
    assert config(store)["llmConnections"][0]["authType"] == "none"
    assert store.connections()["c"].key is None


def test_removing_takes_the_key_along_and_only_that(store):
    store.put(connection())
    store.put(connection("d", key=OTHER))
    store.remove("c")
    assert list(store.connections()) == ["d"]
    assert store.connections()["d"].key == OTHER
    assert store.default() == "d"


def test_a_new_name_changes_no_slug(store):
    store.put(connection())
    store.rename("c", "Büro")
    assert store.connections()["c"].name == "Büro"


def test_everyones_default_and_its_model(store):
    store.put(connection())
    store.put(connection("d"))
    store.use(Target(store.connections()["d"], "n"), model=True)
    assert (store.default(), store.connections()["d"].default_model) == ("d", "n")
    store.use(Target(store.connections()["c"], "x"), model=False)
    assert (store.default(), store.connections()["c"].default_model) == ("c", "m")


def test_where_the_settings_can_not_be_written_no_key_is(store):
    store.put(connection("c"))
    (store.folder / "config.json").write_text("{")
    with pytest.raises(Unreadable):
        store.put(connection("d", key=OTHER))
    (store.folder / "config.json").write_text("{}")
    (store.folder / "config.json.lock").unlink()
    (store.folder / "config.json.lock").symlink_to("/dev/null")
    with pytest.raises(StoreError):
        store.put(connection("c", key=OTHER))
    with pytest.raises(StoreError):
        store.put(connection("d", key=OTHER))
    (store.folder / "config.json.lock").unlink()
    store.put(connection("e", url="http://localhost:1", key=None))
    from xiantong_nb.vault import Vault

    assert {slug: stored.key for slug, stored in Vault(store.folder).keys().items()} == {"c": KEY}


def test_an_unreadable_vault_stops_only_who_needs_it(store):
    store.put(connection("c"))
    store.put(connection("local", url="http://localhost:8080", key=None))
    (store.folder / "credentials.enc").write_bytes(b"x" * 200)
    found = store.connections()
    assert isinstance(found["c"].fault, Unreadable)
    assert found["local"].fault is None
    with pytest.raises(Unreadable):
        store.put(connection("d"))
    assert "d" not in store.connections()
    assert (store.folder / "credentials.enc").read_bytes() == b"x" * 200
