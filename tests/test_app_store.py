"""credentials.enc is shared: what another program writes opens here, and what is written here opens there."""

from __future__ import annotations

import getpass
import hashlib
import json
import socket

import pytest

from tests.app_store import ID, LABEL, OLD_LABEL, AppStore
from xiantong_nb.errors import Unreadable
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

KEY = Secret("sk-CANARY-0123456789-wxyz")
PLACE = "https://gw.example"
APPS = {
    "version": 1,
    "credentials": {
        "source_oauth::w1::s1": {"value": "t", "tokenType": "Bearer", "new": {"deep": [1, None, "é🐼\u2028"]}},
        "llm_oauth::claude-max": {"value": "access", "refreshToken": "r", "expiresAt": 1795305600000},
        "llm_api_key::anthropic-api": {"value": "app-CANARY-0123456789-wxyz", "extra": True},
        "llm_api_key::__test-1795305600000": {"value": "x"},
        "something_new::a::b::c": {"any": "thing"},
    },
    "metadata": {"createdAt": 1, "updatedAt": 2, "by": "app"},
    "future": {"kept": [1.5, -0.25, 9007199254740991]},
}


@pytest.fixture(scope="module")
def app():
    made = AppStore()
    yield made
    made.close()


@pytest.fixture
def vault(tmp_path):
    (tmp_path / "machine-id").write_text(ID + "\n")
    folder = tmp_path / "xiantong"
    folder.mkdir(mode=0o700)
    return Vault(folder, Identity({"HOME": str(tmp_path)}, (tmp_path / "machine-id",)))


def changed(payload, slug, fields):
    """The payload as it must be after one key was saved: nothing else moved."""
    wanted = json.loads(json.dumps(payload))
    wanted["credentials"][f"llm_api_key::{slug}"] = fields
    return wanted


def same(read, wanted):
    """Equal but for the time of the change, and in the same order."""
    read["metadata"].pop("updatedAt")
    wanted["metadata"].pop("updatedAt", None)
    return json.dumps(read) == json.dumps(wanted)


def test_what_the_app_wrote_opens_is_extended_and_read_back(app, vault):
    app.write(vault.file.path, APPS)
    keys = vault.keys()
    assert {slug: (k.key.reveal(), k.origin) for slug, k in keys.items()} == {
        "anthropic-api": ("app-CANARY-0123456789-wxyz", "")
    }
    vault.put("gw", KEY, PLACE)
    wanted = changed(APPS, "gw", {"value": KEY.reveal(), "origin": PLACE})
    assert same(app.read(vault.file.path), wanted)
    vault.bind("anthropic-api", "https://api.anthropic.com")
    wanted = changed(
        wanted,
        "anthropic-api",
        {"value": "app-CANARY-0123456789-wxyz", "extra": True, "origin": "https://api.anthropic.com"},
    )
    assert same(app.read(vault.file.path), wanted)
    vault.remove("gw")
    del wanted["credentials"]["llm_api_key::gw"]
    assert same(app.read(vault.file.path), wanted)


def test_what_is_written_here_is_read_extended_and_opened_again(app, vault):
    vault.put("gw", KEY, PLACE)
    read = app.read(vault.file.path)
    assert read["version"] == 1
    assert read["credentials"] == {"llm_api_key::gw": {"value": KEY.reveal(), "origin": PLACE}}
    assert read["metadata"]["createdAt"] <= read["metadata"]["updatedAt"]
    salt = vault.file.path.read_bytes()[12:44]
    read["credentials"]["llm_api_key::theirs"] = {"value": "theirs-CANARY-0123456789-wxyz"}
    app.write(vault.file.path, read, salt=salt)
    assert vault.keys()["theirs"].key.reveal() == "theirs-CANARY-0123456789-wxyz"
    assert vault.keys()["gw"].key == KEY
    vault.put("gw", KEY, "https://other.example")
    assert vault.file.path.read_bytes()[12:44] == salt
    assert app.read(vault.file.path)["credentials"]["llm_api_key::theirs"] == {"value": "theirs-CANARY-0123456789-wxyz"}


def test_an_older_file_keeps_what_opened_it(app, vault, tmp_path):
    old = f"{socket.gethostname()}{getpass.getuser()}{tmp_path}{OLD_LABEL}"
    app.write(vault.file.path, APPS, password=old)
    vault.put("gw", KEY, PLACE)
    assert "llm_api_key::gw" in app.read(vault.file.path, password=old)["credentials"]
    with pytest.raises(ValueError, match="authenticate"):
        app.read(vault.file.path)


def test_another_machines_file_is_refused_and_left_alone(app, vault):
    app.write(vault.file.path, APPS, password="f" * 32 + LABEL)
    before = hashlib.sha256(vault.file.path.read_bytes()).digest()
    for act in (vault.keys, lambda: vault.put("gw", KEY, PLACE), lambda: vault.remove("gw")):
        with pytest.raises(Unreadable, match="another machine"):
            act()
    assert hashlib.sha256(vault.file.path.read_bytes()).digest() == before
    assert not vault.file.copies.all()


def test_a_version_that_is_unknown_is_kept(app, vault):
    app.write(vault.file.path, APPS | {"version": 7})
    vault.put("gw", KEY, PLACE)
    assert app.read(vault.file.path)["version"] == 7


def test_a_store_without_metadata_gets_it_since_the_app_needs_it(app, vault):
    app.write(vault.file.path, {"version": 1, "credentials": {}})
    vault.put("gw", KEY, PLACE)
    assert app.read(vault.file.path)["metadata"]["updatedAt"] > 1_700_000_000_000


def test_what_is_hard_to_write_as_json_is_read_there(app, vault):
    app.write(vault.file.path, APPS)
    vault.file.update(lambda opened: _with(opened, {"value": "\ud800\u2028" + "x" * 1_000_000}))
    assert app.read(vault.file.path)["credentials"]["odd"]["value"].endswith("x" * 1_000_000)


def _with(opened, fields):
    from xiantong_nb.sealed import with_credential

    return with_credential(opened, "odd", fields)
