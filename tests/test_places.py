"""Places where saving is hard: each is said with the next step, nothing is lost, and the kernel goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.conftest import kernel_env
from tests.kernels import Kernel
from xiantong_nb.engine import Engine
from xiantong_nb.errors import Unreadable
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

KEY, PLACE = "sk-CANARY-0123456789-wxyz", "https://gw.example"
ELSEWHERE = Identity({"HOME": "/home/x"}, ())


@pytest.fixture(scope="module")
def locked():
    """An engine that wants a key."""
    with Engine.start(api_key=KEY) as running:
        yield running


@contextmanager
def mounted(place: Path, options: str):
    """A file system of our own, where that can be had."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@contextmanager
def read_only(tmp_path):
    with mounted(tmp_path / "ro", "size=1m") as place:
        (place / "home").mkdir(mode=0o700)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield place / "home"


@contextmanager
def full(tmp_path):
    with mounted(tmp_path / "small", "size=64k") as place:
        (place / "home").mkdir(mode=0o700)
        with (place / "filler").open("wb") as filler:
            for _ in range(1000):
                try:
                    os.write(filler.fileno(), bytes(1024))
                except OSError:
                    break
        yield place / "home"


@contextmanager
def of_another_machine(tmp_path):
    home = tmp_path / "shared"
    home.mkdir(mode=0o700)
    (home / "credentials.enc").write_bytes(Envelope(ELSEWHERE).encode(Envelope(ELSEWHERE).new()))
    before = (home / "credentials.enc").read_bytes()
    yield home
    assert (home / "credentials.enc").read_bytes() == before


@contextmanager
def broken_settings(tmp_path):
    home = tmp_path / "broken"
    home.mkdir(mode=0o700)
    (home / "config.json").write_text('{"llmConnections": [')
    yield home
    assert (home / "config.json").read_text() == '{"llmConnections": ['


@contextmanager
def no_folder(tmp_path):
    (tmp_path / "file").write_text("precious")
    yield tmp_path / "file" / "home"
    assert (tmp_path / "file").read_text() == "precious"


HARD = {
    read_only: ("read-only file system", "XIANTONG_HOME"),
    full: ("no space left", "Free some space"),
    of_another_machine: ("another machine", "XIANTONG_HOME"),
    broken_settings: ("not whole JSON", "Move it away"),
    no_folder: ("not a directory", "XIANTONG_HOME"),
}


@pytest.mark.parametrize("hard", HARD, ids=lambda hard: hard.__name__)
def test_where_nothing_can_be_saved_the_kernel_keeps_the_key_and_says_so(hard, locked, tmp_path):
    what, step = HARD[hard]
    with hard(tmp_path) as home:
        env = {**kernel_env(tmp_path), "XIANTONG_HOME": str(home)}
        kernel = Kernel(env)
        try:
            kernel.run("%load_ext xiantong_nb")
            connect = f"%xiantong connect custom --base-url {locked.base_url} --model toy-1 --ask-key --text"
            ran = kernel.run(connect, answers=[KEY])
            assert ran.status == "ok", ran.text
            assert what in ran.text
            assert step in ran.text
            assert "keeps custom until it ends" in ran.text
            assert "I am **toy-1**" in kernel.run("%%ask\nhello").text
            assert "I am **toy-2**" in kernel.run("%%ask custom:toy-2\nhello").text
            doctor = kernel.run("%xiantong doctor").text
            assert "wrong." in doctor
            assert what in doctor
            assert "I am **toy-1**" in kernel.run("%%ask custom:toy-1\nhello").text
            assert "is removed" in kernel.run("%xiantong remove custom").text
            assert kernel.run("%%ask custom\nhello").status == "error"
            assert not (home / "config.json").exists() or hard is broken_settings
        finally:
            kernel.stop()
        done = subprocess.run(
            [sys.executable, "-m", "xiantong_nb", "connect", "custom", "--base-url", locked.base_url, "--no-key",
             "--model", "toy-1", "--no-test"],
            env=env, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if hard is not of_another_machine:  # without a key there is nothing to seal
            assert done.returncode == 1
            assert what in done.stderr
            assert "keeps" not in done.stdout


def test_unsaved_is_for_this_kernel_only_and_writes_nothing(fresh_kernel, locked, tmp_path):
    connect = f"%xiantong connect custom --base-url {locked.base_url} --model toy-1 --ask-key --unsaved"
    ran = fresh_kernel.run(connect, answers=[KEY])
    assert "Nothing was written" in ran.text
    assert not (tmp_path / ".xiantong").exists()
    assert "this kernel only" in fresh_kernel.run("%xiantong list").text
    assert "I am **toy-1**" in fresh_kernel.run("%%ask\nhello").text
    made = f"xiantong_nb.connect('custom', base_url={locked.base_url!r}, model='toy-2', ask_key=True, unsaved=True)"
    assert "…wxyz" in fresh_kernel.run(f"import xiantong_nb; {made}", answers=[KEY]).text
    assert "I am **toy-2**" in fresh_kernel.run("%%ask\nhello").text
    assert not (tmp_path / ".xiantong").exists()


SAVES = """
import sys
from pathlib import Path
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault
vault = Vault(Path(sys.argv[1]))
for n in range(10):
    notes = vault.put(f"{sys.argv[2]}-{n}", Secret("key-CANARY-0123456789-wxyz"), "https://gw.example")[1]
print(notes[0])
"""


def test_without_locks_each_save_is_looked_at_again_and_that_is_said(tmp_path):
    """The file system's own answer to flock is what NFS without a lock daemon gives."""
    if shutil.which("strace") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("strace is not installed")
    inject = ["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"]
    home = tmp_path / "home"
    writers = [
        subprocess.Popen([*inject, sys.executable, "-c", SAVES, str(home), name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    said = [writer.communicate(timeout=100)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert all("has no locks" in words for words in said)
    keys = Vault(home).keys()
    assert len(keys) == 20
    assert not any(stored.lost for stored in keys.values())


def test_a_container_without_an_id_saves_under_user_and_home(tmp_path):
    vault = Vault(tmp_path / "x", ELSEWHERE)
    vault.put("a", Secret(KEY), PLACE)
    assert Vault(tmp_path / "x", Identity({"HOME": "/home/x"}, ())).keys()["a"].key == Secret(KEY)
    ids = tmp_path / "id"
    ids.write_text("0123456789abcdef0123456789abcdef")
    with pytest.raises(Unreadable, match="another machine") as caught:
        Vault(tmp_path / "x", Identity({"HOME": "/home/x"}, (ids,))).keys()
    assert "bring the old one back" in caught.value.hint


def test_of_two_machines_with_one_home_the_second_leaves_the_first_alone(tmp_path):
    session = Session(environment={"HOME": str(tmp_path)}, folder=tmp_path / "x")
    first = Vault(tmp_path / "x", ELSEWHERE)
    first.put("gw", Secret(KEY), PLACE)
    (tmp_path / "x" / "config.json").write_text(
        '{"workspaces": [], "llmConnections": [{"slug": "gw", "name": "GW", "providerType": "pi_compat", "authType": '
        '"api_key_with_endpoint", "baseUrl": "https://gw.example", "models": ["m"], "defaultModel": "m"}]}'
    )
    before = {path.name: path.read_bytes() for path in (tmp_path / "x").iterdir()}
    connection = session.connections()["gw"]
    assert "another machine" in str(connection.fault)
    assert "XIANTONG_HOME" in str(connection.fault)
    with pytest.raises(Unreadable):
        session.store.put(
            connection.__class__("gw", connection.preset, PLACE, "m", key=Secret("other-CANARY-0123456789-wxyz"))
        )
    assert {path.name: path.read_bytes() for path in (tmp_path / "x").iterdir()} == before
    assert first.keys()["gw"].key == Secret(KEY)
