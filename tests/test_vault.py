"""Keys that another program lost: noticed, put back on request, and never on their own."""

from __future__ import annotations

import pytest

from xiantong_nb.errors import Unreadable, UsageError
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope, with_credential
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

KEY, OTHER, PLACE = (
    Secret("key-one-CANARY-0123456789-wxyz"),
    Secret("key-two-CANARY-0123456789-wxyz"),
    "https://gw.example",
)
HERE = Identity({"HOME": "/home/x"}, ())


@pytest.fixture
def vault(tmp_path):
    made = Vault(tmp_path / "home", HERE)
    made.file._torn_patience = made.kept._torn_patience = 0.02
    return made


def app_file(vault, **keys):
    """The app's whole file, from its memory: these keys and no others."""
    envelope = Envelope(vault.identity)
    opened = envelope.new()
    for slug, value in keys.items():
        fields = value if isinstance(value, dict) else {"value": value}
        opened = with_credential(opened, f"llm_api_key::{slug}", fields)
    return envelope.encode(opened)


def app_writes(vault, **keys):
    vault.file.path.parent.mkdir(mode=0o700, exist_ok=True)
    vault.file.path.write_bytes(app_file(vault, **keys))


def lost(vault):
    return {slug: stored.lost for slug, stored in vault.keys().items() if stored.lost}


def test_nothing_is_lost_by_our_own_changes(vault):
    undo, _ = vault.put("a", KEY, PLACE)
    vault.put("b", KEY, PLACE)
    vault.put("a", OTHER, PLACE)
    assert lost(vault) == {}
    undo()
    assert vault.keys()["a"].key == OTHER, "what is no longer ours to take back stays"
    vault.remove("b")
    assert (lost(vault), set(vault.keys())) == ({}, {"a"})
    undo, _ = vault.put("c", KEY, PLACE)
    undo()
    assert (lost(vault), set(vault.keys())) == ({}, {"a"})


def test_both_files_open_with_one_derivation(vault):
    vault.put("a", KEY, PLACE)
    assert vault.file.path.read_bytes()[12:44] == vault.kept.path.read_bytes()[12:44]
    assert vault.kept.copies.all() == []


def test_a_key_that_the_app_wrote_over_is_gone_and_comes_back_on_request(vault):
    vault.put("a", KEY, PLACE)
    vault.put("b", KEY, PLACE)
    app_writes(vault, b={"value": KEY.reveal(), "origin": PLACE}, app="app-CANARY-0123456789-wxyz")
    assert lost(vault) == {"a": "gone"}
    assert vault.keys()["a"].key is None
    assert lost(vault) == {"a": "gone"}, "looking changes nothing"
    vault.put("c", KEY, PLACE)
    vault.put("d", KEY, PLACE)
    vault.put("e", KEY, PLACE)
    vault.put("f", KEY, PLACE)
    assert lost(vault) == {"a": "gone"}, "it outlives all good copies"
    vault.restore("a")
    stored = vault.keys()["a"]
    assert (stored.key, stored.origin, stored.lost) == (KEY, PLACE, "")
    assert vault.keys()["app"].key == Secret("app-CANARY-0123456789-wxyz")


def test_an_older_key_that_the_app_wrote_back_is_told_from_the_new_one(vault):
    vault.put("a", OTHER, PLACE)
    app_writes(vault, a={"value": KEY.reveal(), "origin": PLACE})
    assert vault.keys()["a"].key == KEY, "what stands there is what is used"
    assert lost(vault) == {"a": "changed"}
    vault.accept("a")
    assert (lost(vault), vault.keys()["a"].key) == ({}, KEY)
    app_writes(vault, a=OTHER.reveal())
    vault.bind("a", PLACE)
    assert lost(vault) == {"a": "changed"}
    vault.restore("a")
    assert (lost(vault), vault.keys()["a"].key) == ({}, KEY)


def test_a_file_that_the_app_deleted_is_all_gone_and_all_restorable(vault):
    for slug in "abc":
        vault.put(slug, KEY, PLACE)
    vault.file.path.unlink()
    assert lost(vault) == dict.fromkeys("abc", "gone")
    for slug in "abc":
        vault.restore(slug)
    assert lost(vault) == {}
    vault.file.path.unlink()
    for slug in "abc":
        vault.accept(slug)
    assert vault.keys() == {}


def test_what_the_app_alone_saved_is_none_of_ours(vault):
    app_writes(vault, app="app-CANARY-0123456789-wxyz")
    vault.file.path.unlink()
    assert vault.keys() == {}


def test_removing_leaves_the_key_in_no_file(vault):
    vault.put("a", KEY, PLACE)
    vault.put("b", OTHER, PLACE)
    vault.remove("a")
    vault.remove("never")
    for path in (vault.file.path, vault.kept.path, *vault.file.copies.all()):
        assert KEY.reveal() not in str(Envelope(HERE).decode(path.read_bytes()).payload), path
    assert len(vault.file.copies.all()) == 1
    app_writes(vault, b=OTHER.reveal())
    vault.put("a", KEY, PLACE)
    app_writes(vault, b=OTHER.reveal())
    vault.remove("a")
    assert lost(vault) == {}, "what is removed after it was lost is forgotten"


@pytest.mark.parametrize("act", ["restore", "accept"])
def test_nothing_kept_is_said(vault, act):
    with pytest.raises(UsageError, match="No key of a is kept"):
        getattr(vault, act)("a")
    app_writes(vault, a="app-CANARY-0123456789-wxyz")
    with pytest.raises(UsageError):
        getattr(vault, act)("a")


def test_a_second_place_that_is_broken_stops_nothing_and_is_said(vault):
    vault.put("a", KEY, PLACE)
    vault.kept.path.write_bytes(b"broken")
    assert vault.keys()["a"].key == KEY
    undo, notes = vault.put("b", OTHER, PLACE)
    assert "can't be put back" in notes[-1]
    undo()
    assert set(vault.keys()) == {"a"}
    assert "could not be cleared" in vault.remove("a")[0]
    assert vault.keys() == {}
    assert vault.kept.path.read_bytes() == b"broken"
    with pytest.raises(Unreadable):
        vault.restore("a")


def test_a_first_place_that_can_not_be_read_leaves_both_as_they_are(vault):
    vault.put("a", KEY, PLACE)
    before = vault.kept.path.read_bytes()
    vault.file.path.write_bytes(b"broken")
    with pytest.raises(Unreadable):
        vault.put("b", OTHER, PLACE)
    assert (vault.kept.path.read_bytes(), vault.file.path.read_bytes()) == (before, b"broken")
    vault.file.restore()
    assert vault.keys()["a"].key == KEY


def test_what_can_not_be_written_to_the_first_place_is_not_kept_in_the_second(vault, monkeypatch):
    from xiantong_nb import disk
    from xiantong_nb.errors import NotSaved

    vault.put("a", KEY, PLACE)
    real = disk.write_temp

    def full(path, data):
        if path.name == "credentials.enc":
            raise OSError(28, "no space left on device")
        return real(path, data)

    monkeypatch.setattr(disk, "write_temp", full)
    with pytest.raises(NotSaved):
        vault.put("a", OTHER, PLACE)
    with pytest.raises(NotSaved):
        vault.put("b", OTHER, PLACE)
    monkeypatch.undo()
    assert (lost(vault), vault.keys()["a"].key, set(vault.keys())) == ({}, KEY, {"a"})


def test_without_locks_taking_back_still_knows_what_stood_there_before(vault, monkeypatch):
    """Another program writes, with our key in it, while we look whether ours stays: our change is made again."""
    import fcntl
    import threading
    import time

    def none(*_):
        raise OSError(37, "no locks available")

    vault.put("a", KEY, PLACE)
    monkeypatch.setattr(fcntl, "flock", none)

    theirs = app_file(vault, a={"value": OTHER.reveal(), "origin": PLACE}, b="theirs-CANARY-0123456789-wxyz")

    def another_program():
        while vault.file.read().payload["credentials"]["llm_api_key::a"]["value"] != OTHER.reveal():
            time.sleep(0.001)
        vault.file.path.write_bytes(theirs)

    writer = threading.Thread(target=another_program)
    writer.start()
    undo, notes = vault.put("a", OTHER, PLACE)
    writer.join()
    assert "no locks" in notes[0]
    undo()
    assert (vault.keys()["a"].key, vault.keys()["b"].key) == (KEY, Secret("theirs-CANARY-0123456789-wxyz"))


def test_a_user_without_a_name_has_no_older_key_to_try(tmp_path, monkeypatch):
    import pwd

    def nobody(_):
        raise KeyError

    (tmp_path / "id").write_text("0123456789abcdef0123456789abcdef")
    vault = Vault(tmp_path / "x", Identity({"HOME": "/home/x"}, (tmp_path / "id",)))
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    vault.put("a", KEY, PLACE)
    assert vault.keys()["a"].key == KEY
