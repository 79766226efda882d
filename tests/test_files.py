"""Shared files: replaced whole or not at all, whatever the system, the user or another program does meanwhile."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from xiantong_nb.errors import NotSaved, StoreBusy, Unreadable
from xiantong_nb.files import SharedFile
from xiantong_nb.settings import JsonObject

OLD, NEW = {"entries": [1], "kept": "é"}, {"entries": [1, 2], "kept": "é"}


@pytest.fixture
def file(tmp_path):
    return opened(tmp_path / "home" / "x.json")


def opened(path, **patience):
    return SharedFile(path, JsonObject("entries", list), **{"torn_patience": 0.05, "lock_patience": 5.0, **patience})


@pytest.fixture
def old(file):
    file.update(lambda _: OLD)
    return file


def names(file):
    return {path.name for path in file.path.parent.iterdir()}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def foreign(path, value):
    """Another program writes, as the desktop app does: in place, without a lock."""
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def test_what_was_saved_is_read(old):
    assert old.read() == OLD
    assert opened(old.path).read() == OLD


def test_reading_makes_nothing(file):
    assert file.read() is None
    assert not file.path.parent.exists()


def test_an_equal_value_writes_nothing(old):
    before = old.path.stat()
    assert old.update(dict).value == OLD
    assert old.path.stat().st_ino == before.st_ino
    assert len(old.copies.all()) == 1


def test_what_change_raises_leaves_everything(old):
    before = names(old)
    for error in (ZeroDivisionError, KeyboardInterrupt):

        def fails(_, error=error):
            raise error

        with pytest.raises(error):
            old.update(fails)
    assert (old.read(), names(old)) == (OLD, before)
    old.update(lambda _: NEW)


def test_a_copy_is_put_back_once_and_what_stood_there_kept_once(old):
    folder = old.path.parent
    old.path.unlink()
    assert len(old.restore()) == 1, "nothing stood there"
    assert old.read() == OLD
    assert len(old.restore()) == 1, "the same stood there"
    for _ in range(2):
        foreign(old.path, "half")
        old.restore()
    assert [path.read_text() for path in folder.glob("*.corrupt-*")] == ["half"]
    old.path.unlink()
    old.path.mkdir()
    notes = old.restore()
    assert old.read() == OLD
    assert "What stood there is now" in notes[1]
    for path in old.copies.all():
        path.write_text("broken")
    with pytest.raises(NotSaved, match="no good copy"):
        old.restore()
    assert old.read() == OLD


def test_a_copy_that_is_none_is_passed_over(old):
    old.update(lambda _: NEW)
    newest = old.copies.all()[0]
    newest.unlink()
    newest.symlink_to("/etc/hostname")
    assert old.good_copy() == old.copies.all()[1]
    assert old.update(lambda _: {"entries": [7]}).notes == ()
    assert old.read() == {"entries": [7]}


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.ENOTDIR])
def test_what_the_system_refuses_to_read_is_said_and_not_waited_for(old, monkeypatch, code):
    def fails(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "read", fails)
    with pytest.raises(Unreadable) as caught:
        opened(old.path, torn_patience=1e9).read()
    monkeypatch.undo()
    assert os.strerror(code).lower() in caught.value.message
    assert ("XIANTONG_HOME" in caught.value.hint) == (code != errno.EIO)


@pytest.fixture
def no_locks(monkeypatch):
    """The file system's answer to flock where it has no locks."""
    import fcntl

    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)


def test_without_locks_it_is_saved_looked_at_again_and_said(old, no_locks):
    saved = old.update(lambda _: NEW)
    assert "has no locks" in saved.notes[0]
    assert old.read() == NEW


def test_without_locks_what_another_program_wrote_over_is_saved_again(old, no_locks):
    calls = []

    def change(value):
        calls.append(value)
        return {"entries": [*value["entries"], "ours"] if "ours" not in value["entries"] else value["entries"]}

    def another_program():
        while "ours" not in old.path.read_text():
            time.sleep(0.001)
        foreign(old.path, {"entries": ["theirs"]})

    writer = threading.Thread(target=another_program)
    writer.start()
    assert old.update(change).value == {"entries": ["theirs", "ours"]}
    writer.join()
    assert calls == [OLD, {"entries": ["theirs"]}]


def test_what_becomes_a_link_while_it_is_changed_is_refused(old, tmp_path):
    def change(_):
        old.path.unlink()
        old.path.symlink_to(tmp_path / "target")
        return NEW

    with pytest.raises(NotSaved, match="it is a link"):
        old.update(change)
    assert not (tmp_path / "target").exists()
    assert not [name for name in names(old) if name.endswith(".tmp")]


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777], ids=oct)
def test_only_this_user_gets_in_whatever_the_umask(file, umask):
    before = os.umask(umask)
    try:
        file.update(lambda _: OLD)
        file.update(lambda _: NEW)
    finally:
        os.umask(before)
    assert mode(file.path.parent) == 0o700
    assert {path.name: oct(mode(path)) for path in file.path.parent.iterdir()} == dict.fromkeys(names(file), "0o600")
    assert file.read() == NEW


def test_what_was_open_to_others_is_closed_and_that_is_said(file):
    file.path.parent.mkdir(mode=0o755)
    file.path.parent.chmod(0o755)
    foreign(file.path, OLD)
    file.path.chmod(0o644)
    notes = file.update(lambda value: value).notes
    assert len(notes) == 2
    assert all("open to other users" in note for note in notes)
    assert (mode(file.path), mode(file.path.parent)) == (0o600, 0o700)
    assert file.update(lambda _: NEW).notes == ()


@pytest.mark.parametrize("bits", [0o1777, 0o2775], ids=oct)
def test_a_folder_that_is_shared_on_purpose_stays_so(file, bits):
    file.path.parent.mkdir()
    file.path.parent.chmod(bits)
    assert file.update(lambda _: OLD).notes == ()
    assert (mode(file.path.parent), mode(file.path)) == (bits, 0o600)


def test_links_are_refused_but_for_the_folder(old, tmp_path):
    lock = old.path.with_name("x.json.lock")
    target = tmp_path / "target"
    target.write_text("precious")
    lock.unlink()
    lock.symlink_to(target)
    with pytest.raises(NotSaved, match="not saved") as caught:
        old.update(lambda _: NEW)
    assert "link" in caught.value.hint
    lock.unlink()
    (tmp_path / "link").symlink_to(old.path.parent)
    opened(tmp_path / "link" / "x.json").update(lambda _: NEW)
    assert old.read() == NEW
    old.path.unlink()
    old.path.symlink_to(target)
    with pytest.raises(Unreadable, match="it is a link"):
        old.update(lambda _: OLD)
    assert target.read_text() == "precious"


def test_a_half_written_file_is_waited_for(file):
    file.path.parent.mkdir(mode=0o700)
    whole = json.dumps(NEW)
    foreign(file.path, whole[:10])
    patient = opened(file.path, torn_patience=30)
    writer = threading.Timer(0.1, foreign, (file.path, whole))
    writer.start()
    assert patient.read() == NEW
    writer.join()


def test_a_file_that_stays_half_written_is_said_with_its_good_copy(old):
    foreign(old.path, '{"entries": [')
    with pytest.raises(Unreadable) as caught:
        old.read()
    assert "%xiantong restore x.json puts back its last good copy" in caught.value.hint
    with pytest.raises(Unreadable):
        old.update(lambda _: NEW)
    assert old.path.read_text() == '{"entries": ['
    notes = old.restore()
    assert old.read() == OLD
    assert "as it was on" in notes[0]
    aside = next(old.path.parent.glob("*.corrupt-*"))
    assert str(aside) in notes[1]
    assert (aside.read_text(), mode(aside)) == ('{"entries": [', 0o600)


def test_the_last_three_versions_are_kept_each_in_a_file_of_its_own(file):
    for n in range(6):
        file.update(lambda _, n=n: {"entries": [n]})
    copies = file.copies.all()
    assert [json.loads(path.read_text()) for path in copies] == [{"entries": [n]} for n in (5, 4, 3)]
    assert [path.name for path in copies] == ["x.json.good-6", "x.json.good-5", "x.json.good-4"]
    assert {path.stat().st_nlink for path in (*copies, file.path)} == {1}
    foreign(file.path, {"entries": ["theirs"]})
    file.update(lambda value: {"entries": [*value["entries"], "ours"]})
    assert [json.loads(path.read_text())["entries"] for path in file.copies.all()] == [
        ["theirs", "ours"],
        ["theirs"],
        [5],
    ]


def test_a_write_of_another_program_just_before_ours_is_not_lost(old):
    calls = []

    def change(value):
        if not calls:
            foreign(old.path, {"entries": ["theirs"]})
        calls.append(value)
        return {"entries": [*value["entries"], "ours"]}

    assert old.update(change).value == {"entries": ["theirs", "ours"]}
    assert len(calls) == 2


def test_another_program_that_never_stops_writing_is_said(old):
    count = iter(range(1000))

    def change(_):
        foreign(old.path, {"entries": [next(count)]})
        return NEW

    with pytest.raises(NotSaved, match="kept writing"):
        old.update(change)
    assert names(old) == {"x.json", "x.json.lock", "x.json.good-1"}


def test_the_lock_file_stays(old):
    lock = old.path.with_name("x.json.lock")
    before = lock.stat().st_ino
    for n in range(3):
        old.update(lambda _, n=n: {"entries": [n]})
    assert (lock.stat().st_ino, mode(lock)) == (before, 0o600)


HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1], mode=0o600):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_held_by_a_stopped_process_is_said_with_its_number(old):
    lock = old.path.with_name("x.json.lock")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        with pytest.raises(StoreBusy) as caught:
            opened(old.path, lock_patience=0.1).update(lambda _: NEW)
        assert f"process {holder.pid}" in caught.value.message
        assert caught.value.hint
        assert old.read() == OLD
    finally:
        holder.kill()
        holder.communicate()
    old.update(lambda _: NEW)


def test_threads_of_one_process_take_turns(file):
    def add():
        for _ in range(20):
            file.update(lambda value: {"entries": [*(value or {"entries": []})["entries"], 1]})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.read()["entries"]) == 80


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_fork_while_the_lock_is_held_holds_it_no_longer_than_its_parent(old):
    children = []

    def change(value):
        child = os.fork()
        if child == 0:
            time.sleep(30)  # the parent ends it
            os._exit(0)
        children.append(child)
        return NEW

    old.update(change)
    try:
        assert opened(old.path, lock_patience=1.0).update(lambda _: OLD).value == OLD
    finally:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children[0], 0)


def test_what_was_left_behind_is_removed_if_it_is_ours_and_old(old):
    folder = old.path.parent
    stays = {".x.json.1.0a1b2c3d4e5f.tmp", ".y.json.1.0a1b2c3d4e5f.tmp", ".x.json.tmp", "x.json.1.2.tmp"}
    goes = {f".x.json.{os.getpid()}.0a1b2c3d4e5f.tmp", ".x.json.2.0a1b2c3d4e5f.tmp"}
    for name in stays | goes:
        (folder / name).write_text("x")
    for name in (".x.json.2.0a1b2c3d4e5f.tmp", ".y.json.1.0a1b2c3d4e5f.tmp"):
        os.utime(folder / name, (1, 1))
    old.update(lambda _: NEW)
    assert names(old) == {"x.json", "x.json.lock", "x.json.good-1", "x.json.good-2"} | stays


def test_a_write_that_takes_only_a_part_is_gone_on_with(old, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data)[:3]))
    old.update(lambda _: NEW)
    monkeypatch.undo()
    assert old.read() == NEW


def test_a_folder_that_can_not_be_synced_is_noted_and_the_value_stands(old, monkeypatch):
    real = os.fsync

    def sync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, "input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    saved = old.update(lambda _: NEW)
    assert "power cut" in saved.notes[0]
    assert old.read() == NEW


def test_what_reads_differently_than_it_was_written_is_not_put_in_place(old, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data).replace(b"2", b"3")))
    with pytest.raises(NotSaved, match="reads differently"):
        old.update(lambda _: NEW)
    monkeypatch.undo()
    assert old.read() == OLD
    assert not [name for name in names(old) if name.endswith(".tmp")]


@pytest.mark.parametrize("odd", [{"entries": [float("nan")]}, {"entries": [object()]}, {1: "x", "1": "y"}])
def test_what_can_not_be_written_strictly_is_not_saved(old, odd):
    if 1 in odd:  # JSON has text for names only, so it would come back as something else
        with pytest.raises(NotSaved):
            old.update(lambda _: odd)
    else:
        with pytest.raises((NotSaved, TypeError)):
            old.update(lambda _: odd)
    assert old.read() == OLD


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
def test_a_full_disk_keeps_the_old_value(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        file = opened(place / "home" / "x.json")
        file.update(lambda _: OLD)
        with pytest.raises(NotSaved, match="no space left") as caught:
            file.update(lambda value: {**value, "large": "x" * 100_000})
        assert "Free some space" in caught.value.hint
        assert file.read() == OLD
        file.update(lambda _: NEW)
        assert file.read() == NEW
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        with pytest.raises(NotSaved, match="read-only") as caught:
            file.update(lambda _: OLD)
        assert "XIANTONG_HOME" in caught.value.hint
        assert file.read() == NEW
    finally:
        subprocess.run(["umount", place], check=True)


def test_an_interrupt_while_it_waits_for_the_lock_leaves_at_once(old):
    script = f"""
import signal, sys, threading, os
from pathlib import Path
from xiantong_nb.files import SharedFile
from xiantong_nb.settings import JsonObject
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    SharedFile(Path({str(old.path)!r}), JsonObject("entries", list), lock_patience=600).update(lambda _: {{}})
except KeyboardInterrupt:
    print("left")
"""
    lock = old.path.with_name("x.json.lock")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == "left\n", done.stderr
    finally:
        holder.kill()
        holder.communicate()
