"""The doctor: each thing that can be wrong is found, said and mended by the command that it names."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.fault_server import failure, good
from tests.test_vault import app_writes
from xiantong_nb import doctor
from xiantong_nb.api import session as the_session
from xiantong_nb.connection import Connection
from xiantong_nb.identity import Identity
from xiantong_nb.notebook import commands
from xiantong_nb.notebook.screen import Screen
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.vault import Vault

KEY = Secret("sk-CANARY-0123456789-wxyz")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XIANTONG_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    the_session().here.clear()
    the_session().chosen = ""


@pytest.fixture
def session(home):
    made = Session()
    yield made
    made.close()


def saved(session, url="https://gw.example", **more):
    connection = Connection("gw", PRESETS["custom"], url, **{"default_model": "m", "name": "GW", "key": KEY, **more})
    session.store.put(connection)
    return connection


def look(session, *, test=False):
    return list(doctor.findings(session, test=test))


def wrong(session, **how):
    return {finding.about: finding for finding in look(session, **how) if finding.state == "wrong"}


def run(line, capsys):
    commands.run(line, Screen(terminal=True, interactive=False))
    return capsys.readouterr().out


def test_nothing_is_wrong_where_nothing_is_saved_and_nothing_is_made(session, home):
    assert wrong(session) == {}
    assert any("nothing is saved yet" in finding.says for finding in look(session))
    assert not home.exists()


def test_a_place_where_no_folder_can_be_made_is_said(session, home):
    home.parent.joinpath("file").write_text("x")
    nowhere = Session(environment={"XIANTONG_HOME": str(home.parent / "file" / "home"), "HOME": str(home)})
    found = wrong(nowhere)
    assert "nothing can be saved" in found[str(home.parent / "file" / "home")].says


def test_one_broken_file_is_said_once_with_its_mend(session, home):
    saved(session)
    (home / "credentials.enc").write_bytes(b"x")
    mends = [finding.about for finding in look(session) if finding.mend]
    assert mends == ["credentials.enc"]
    assert set(wrong(session)) == {"credentials.enc", "gw"}


def test_nothing_is_wrong_after_a_save_and_looking_changes_nothing(session, home):
    saved(session)
    before = {path.name: (path.read_bytes(), path.stat().st_ino) for path in home.iterdir()}
    assert wrong(session) == {}
    assert {path.name: (path.read_bytes(), path.stat().st_ino) for path in home.iterdir()} == before
    says = {finding.about: finding.says for finding in look(session)}
    assert "has locks" in says[str(home)]
    assert "CRAFT01, craft-agent-v2" in says["credentials.enc"]
    assert "3 good copies" not in says["credentials.enc"]
    assert "can be asked: m at https://gw.example" in says["gw"]
    assert "Python 3" in says["versions"]
    assert KEY.reveal() not in repr(look(session))


def test_every_endpoint_is_asked_and_the_stage_it_fails_at_is_said(session, faults):
    saved(session, faults.url)
    faults.play(good("hello"), failure(401, {"error": {"type": "authentication_error", "message": "no"}}))
    answers = [finding for finding in look(session, test=True) if finding.about == "gw"]
    assert "answers: gw:m after" in answers[0].says
    found = wrong(session, test=True)["gw"]
    assert "fails at “authenticated”" in found.says
    assert "%xiantong edit gw" in found.mend


def test_one_that_can_not_be_asked_does_not_hide_the_next(session, home, faults):
    saved(session, faults.url, default_model="")
    session.store.put(Connection("other", PRESETS["custom"], faults.url, "m", name="O"))
    config = (home / "config.json").read_text()
    (home / "config.json").write_text(config.replace('"authType": "api_key_with_endpoint"', '"authType": 5', 1))
    faults.play(good("hello"))
    found = look(session, test=True)
    assert [finding.state for finding in found if finding.about in ("gw", "other")] == ["wrong", "ok"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_is_open_to_others_is_said_and_a_save_mends_it(session, home):
    connection = saved(session)
    home.chmod(0o755)
    (home / "credentials.enc").chmod(0o644)
    found = wrong(session)
    assert "other users" in found[str(home)].says
    assert "mode 644" in found["credentials.enc"].says
    saved(session, key=Secret("another-CANARY-0123456789-wxyz"), default_model=connection.default_model)
    assert wrong(session) == {}


def test_what_can_not_be_read_is_said_and_restore_mends_it(session, home, capsys):
    saved(session)
    for name in ("credentials.enc", "config.json"):
        (home / name).write_bytes(b"half")
        found = wrong(session)
        assert f"%xiantong restore {name}" in found[name].mend
        assert f"%xiantong restore {name}" in run("restore", capsys)
        assert f"Put back: {name} as it was" in run(f"restore {name}", capsys)
        assert wrong(session) == {}
        assert any(finding.about.startswith(f"{name}.corrupt-") for finding in look(session))
    assert session.connections()["gw"].key == KEY
    with pytest.raises(Exception, match="nothing to restore"):
        run("restore config.json", capsys)
    with pytest.raises(Exception, match="not for a file"):
        run("restore config.json --accept", capsys)


def test_a_key_that_vanished_is_said_where_it_is_missed_and_comes_back_on_request(session, home, capsys):
    saved(session)
    app_writes(session.store._vault, app="app-CANARY-0123456789-wxyz")
    assert "%xiantong restore gw" in wrong(session)["gw"].mend
    assert "another program has written over" in str(session.connections()["gw"].fault)
    assert "%xiantong restore gw" in run("restore", capsys)
    assert "is back" in run("restore gw", capsys)
    assert wrong(session) == {}
    assert session.connections()["gw"].key == KEY
    with pytest.raises(Exception, match="No key of never is kept"):
        run("restore never", capsys)


def test_a_key_that_another_program_changed_is_used_and_said_with_each_answer(session, home, faults, capsys):
    saved(session, faults.url)
    vault = session.store._vault
    vault.identity = Identity({"HOME": "/home/x"}, ())
    changed = vault.file.read().payload["credentials"]["llm_api_key::gw"] | {"value": "other-CANARY-0123456789-wxyz"}
    from xiantong_nb.sealed import with_credential

    vault.file.update(lambda opened: with_credential(opened, "llm_api_key::gw", changed))
    faults.play(good("hello"), good("hello"))
    with session.open("hello", "gw") as stream:
        stream.result()
        assert any("restore gw" in note for note in stream.lane.notes)
    assert faults.seen[0].header("authorization") == "Bearer other-CANARY-0123456789-wxyz"
    assert "changed" in wrong(session)["gw"].says
    assert "stays as another program left it" in run("restore gw --accept", capsys)
    assert wrong(session) == {}
    with session.open("hello", "gw", None) as stream:
        assert not any("restore" in note for note in stream.lane.notes)
        stream.result()


def test_a_key_whose_connection_has_gone_too_is_forgotten_on_request(session, home, capsys):
    saved(session)
    app_writes(session.store._vault)
    (home / "config.json").unlink()
    assert "the connection is gone, too" in wrong(session)["gw"].says
    run("restore gw --accept", capsys)
    assert wrong(session) == {}


def test_odd_machine_ids_are_said(session, home, tmp_path, monkeypatch):
    saved(session)
    ids = (tmp_path / "first", tmp_path / "second")

    def says(*texts):
        for path, text in zip(ids, texts, strict=True):
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
        store = session.store
        monkeypatch.setattr(type(session), "store", property(lambda _: store), raising=True)
        store.identity = Identity({"HOME": "/x"}, ids)
        found = [each for each in look(session) if each.about == "machine"]
        monkeypatch.undo()
        monkeypatch.setenv("XIANTONG_HOME", str(home))
        return " ".join(each.says for each in found)

    assert "has no id" in says(None, None)
    assert "is no id (empty)" in says("", None)
    assert "too short" in says("uninitialized", None)
    assert "holds another id" in says("0" * 32, "1" * 32)
    assert says("0" * 32, "0" * 32) == f"has an id, in {ids[0]}"


def test_the_environment_is_told_without_what_is_secret_in_it(home):
    env = {
        "ANTHROPIC_API_KEY": "bad key\n", "ANTHROPIC_BASE_URL": "http://me:secret@127.0.0.1:1",
        "XIANTONG_HOME": str(home),
        "HTTPS_PROXY": "http://user:secret@proxy.example:3128", "NO_PROXY": "localhost",
    }  # fmt: skip
    found = look(Session(environment=env))
    text = repr(found)
    assert "secret" not in text
    assert "proxy.example:3128" in text
    assert "asked without them" in text
    assert any(each.about == "anthropic" and each.state == "wrong" for each in found)


def test_a_saved_connection_that_hides_one_of_the_environment_is_said(session, monkeypatch):
    session.store.put(replace(saved(session), slug="openrouter", preset=PRESETS["openrouter"]))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-CANARY-0123456789-wxyz")
    assert any("the saved one is asked" in finding.says for finding in look(session))


def test_a_lock_that_is_held_is_said_with_the_process(session, home):
    saved(session)
    from xiantong_nb import lock

    with lock.held(home / "config.json", 1):
        found = [each for each in look(session) if "is locked by" in each.says]
    assert found[0].says == f"is locked by process {os.getpid()} just now"


def test_a_folder_without_locks_is_said(session, home):
    saved(session)
    import fcntl

    real = fcntl.flock

    def none(*_):
        raise OSError(37, "No locks available")

    fcntl.flock = none
    try:
        assert any("no locks" in finding.says and finding.mend for finding in look(session))
    finally:
        fcntl.flock = real


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_what_can_not_be_looked_at_is_a_finding_too(home, tmp_path):
    home.mkdir(mode=0o700)
    for each in (tmp_path, *[p for p in tmp_path.parents if p.name.startswith(("pytest", "popen", "test"))]):
        each.chmod(0o755)
    script = """
import os, pwd, sys
import httpx, cryptography.hazmat.primitives.ciphers.aead, filelock
from xiantong_nb import doctor, probe, vault, store, draft, importer
from xiantong_nb.session import Session
from importlib import metadata
list(doctor._versions(Session()))
os.setgid(65534); os.setuid(65534)
for each in doctor.findings(Session(), test=False):
    print(each.state, each.about, each.says)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing can be saved: permission denied" in done.stdout
    assert "config.json can't be used: permission denied" in done.stdout


def test_the_report_is_a_table_with_what_mends_it_below(home, capsys, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "…")
    said = run("doctor --no-test", capsys)
    assert "WRONG  openrouter" in said
    assert "openrouter: Set OPENROUTER_API_KEY" in said or "openrouter: Copy" in said
    assert said.rstrip().endswith("1 thing is wrong.")
    monkeypatch.delenv("OPENROUTER_API_KEY")
    assert run("doctor --no-test", capsys).rstrip().endswith("Nothing is wrong.")


def test_nothing_to_restore_is_said(home, capsys):
    assert "Nothing is lost" in run("restore", capsys)
    vault = Vault(home)
    vault.put("a", KEY, "https://gw.example")
    assert "good copies" in run("restore", capsys)
    vault.file.path.write_bytes(b"x")
    for path in vault.file.copies.all():
        path.write_bytes(b"y")
    assert "no copy can be read either" in run("restore", capsys)
    with pytest.raises(Exception, match="no good copy"):
        run("restore credentials.enc", capsys)
    assert vault.file.path.read_bytes() == b"x"
