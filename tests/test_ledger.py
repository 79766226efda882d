"""The file that keeps a table's answers: whole lines only, one holder, for one user alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from xiantong_nb.errors import NotSaved, StoreBusy, Unreadable
from xiantong_nb.ledger import Ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept.jsonl"


def test_what_was_added_is_there_again_and_the_last_of_a_key_counts(path):
    with Ledger(path) as ledger:
        assert ledger.kept == {}
        ledger.add({"a": {"reply": {"ended": "1\n2"}}, "b": {"reply": {}}})
        ledger.add({"a": {"reply": {"ended": "not twice"}}, "c": {"reply": {}}})
        ledger.add({})
        del ledger.kept["a"]
        ledger.add({"a": {"reply": {"ended": "3"}}})
    with Ledger(path) as again:
        assert again.kept == {"a": {"reply": {"ended": "3"}}, "b": {"reply": {}}, "c": {"reply": {}}}
    assert path.read_text().count("\n") == 5
    assert json.loads(path.read_text().splitlines()[0]) == {"xiantong_table": 1}
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_cut_at_any_byte_loses_the_last_line_at_most_and_what_follows_is_whole(path):
    with Ledger(path) as ledger:
        for name in "abc":
            ledger.add({name: {"reply": {"ended": name}}})
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Ledger(path) as again:
            kept = dict(again.kept)
            assert list(kept) == ["a", "b", "c"][: max(whole[:cut].count(b"\n") - 1, 0)]
            again.add({"d": {"reply": {}}})
        with Ledger(path) as last:
            assert last.kept == kept | {"d": {"reply": {}}}
            assert not last.notes


def test_a_bad_line_is_left_and_said(path):
    with Ledger(path) as ledger:
        ledger.add({"a": {"reply": {}}})
    with path.open("ab") as file:
        file.write(b'{"key": \xff\n[1]\n{"no": "key"}\n')
    size = path.stat().st_size
    with Ledger(path) as again:
        assert list(again.kept) == ["a"]
        assert "3 lines" in again.notes[0]
    assert path.stat().st_size == size


@pytest.mark.parametrize("other", [b"name,age\nx,1\n", b"{}\n", b"text", b'{"xiantong_table": 2}\n', b"\x00" * 100])
def test_another_file_is_never_written_to(path, other):
    path.write_bytes(other)
    with pytest.raises(Unreadable, match=r"can't be used"), Ledger(path):
        pass
    assert path.read_bytes() == other


def test_a_folder_a_link_and_no_folder_are_refused(tmp_path):
    target = tmp_path / "target"
    (tmp_path / "link").symlink_to(target)
    for name in (tmp_path, tmp_path / "link", tmp_path / "none" / "kept"):
        with pytest.raises(NotSaved), Ledger(name):
            pass
    assert not target.exists()


def test_one_at_a_time_holds_it(path):
    with Ledger(path), pytest.raises(StoreBusy, match="is in use"), Ledger(path):
        pass
    hold = "import sys; from xiantong_nb.ledger import Ledger"
    hold += "\nwith Ledger(sys.argv[1]): print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusy) as caught, Ledger(path):
            pass
        if sys.platform == "linux":
            assert f"process {other.pid}" in str(caught.value)
        other.kill()
    with Ledger(path) as free:
        assert free.kept == {}


@pytest.mark.skipif(sys.platform != "linux", reason="a full disk is /dev/full, or a limit on a file's size")
def test_what_does_not_fit_is_taken_back_and_said(path):
    limited = """
import resource, signal, sys
from xiantong_nb.errors import NotSaved
from xiantong_nb.ledger import Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Ledger(sys.argv[1]) as ledger:
    ledger.add({"a": {"reply": {}}})
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    try:
        ledger.add({"b": {"reply": {"ended": "x" * 1000}}})
    except NotSaved as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", limited, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "could not be written: file too large" in done.stdout
    assert path.read_bytes().count(b"\n") == 2
    assert path.read_bytes().endswith(b"\n")
