"""Files that are not what they should be: each is refused with a reason and a next step, and left as it is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xiantong_nb.errors import Unreadable
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope, Opened
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

KEY, PLACE = Secret("sk-CANARY-0123456789-wxyz"), "https://gw.example"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """One good file's bytes, and the id that it was made under; its key is derived once for all tests."""
    base = tmp_path_factory.mktemp("good")
    (base / "machine-id").write_text("0123456789abcdef")
    vault = Vault(base / "x", Identity({"HOME": str(base)}, (base / "machine-id",)))
    vault.put("c", KEY, PLACE)
    return vault.file.path.read_bytes(), base


@pytest.fixture
def vault(good, tmp_path):
    folder = tmp_path / "xiantong"
    folder.mkdir(mode=0o700)
    made = Vault(folder, Identity({"HOME": str(good[1])}, (good[1] / "machine-id",)))
    made.file._torn_patience = 0.02  # nothing here heals
    return made


def refused(vault, says=""):
    """Both reading and saving refuse it, say why and what to do, and leave everything as it is."""
    path = vault.file.path
    for act in (vault.keys, lambda: vault.put("d", KEY, PLACE), lambda: vault.remove("c")):
        before = state(path)
        with pytest.raises(Unreadable) as caught:
            act()
        assert caught.value.path == str(path)
        assert str(path) in str(caught.value)
        assert says in caught.value.message
        assert "left as it is" in caught.value.hint
        assert "CANARY" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert state(path) == before
    assert {p.name for p in path.parent.iterdir()} <= {path.name, f"{path.name}.lock"}


def state(path):
    found = path.lstat()
    is_file = path.is_file() and not path.is_symlink() and found.st_size < 1 << 20
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else ""
    return found.st_ino, found.st_mode, found.st_uid, found.st_size, digest


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


BROKEN = {
    "empty": lambda d: d[:0],
    "one byte": lambda d: d[:1],
    "91 bytes": lambda d: d[:91],
    "92 bytes": lambda d: d[:92],
    "bad magic": lambda d: b"XXXXX01\0" + d[8:],
    "future magic": lambda d: b"CRAFT02\0" + d[8:],
    "flags": lambda d: flipped(d, 8),
    "reserved": lambda d: flipped(d, 50),
    "salt": lambda d: flipped(d, 20),
    "nonce": lambda d: flipped(d, 70),
    "tag": lambda d: flipped(d, 80),
    "ciphertext": lambda d: flipped(d, 100),
    "truncated": lambda d: d[:-1],
    "appended": lambda d: d + b"\0",
    "zeros": lambda d: bytes(len(d)),
    "plain JSON": lambda d: json.dumps({"credentials": {"llm_api_key::c": {"value": "x" * len(d)}}}).encode(),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_store(vault, good, broken):
    vault.file.path.write_bytes(BROKEN[broken](good[0]))
    refused(vault)


def test_a_newer_store_is_called_so_and_not_waited_for(vault, good):
    vault.file._torn_patience = 1e9
    for name in ("future magic", "flags", "reserved"):
        vault.file.path.write_bytes(BROKEN[name](good[0]))
        refused(vault, "newer")


PAYLOADS = {
    "null": b"null", "list": b"[]", "empty object": b"{}", "no credentials": b'{"version": 1, "metadata": {}}',
    "credentials a list": b'{"credentials": []}', "credentials null": b'{"credentials": null}',
    "metadata a list": b'{"credentials": {}, "metadata": []}', "NaN": b'{"credentials": {"a": NaN}}',
    "Infinity": b'{"credentials": {"a": -Infinity}}', "1e999": b'{"credentials": {"a": 1e999}}',
    "BOM": b'\xef\xbb\xbf{"credentials": {}}', "trailing NUL": b'{"credentials": {}}\0',
    "invalid UTF-8": b'{"credentials": {"\xff": 1}}', "nested": b'{"credentials": ' + b"[" * 20_000,
    "5,000 digits": b'{"credentials": {"a": ' + b"9" * 5000 + b"}}", "nothing": b"",
    "text": b"sk-CANARY-0123456789-wxyz",
}  # fmt: skip


def sealed(good, plain: bytes) -> bytes:
    """A whole envelope around any plain text, under the id and the salt of the good one."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from xiantong_nb import sealed as module

    opened = envelope(good).decode(good[0])
    nonce = os.urandom(12)
    text = AESGCM(module._key(opened.password, opened.salt)).encrypt(nonce, plain, None)
    return good[0][:64] + nonce + text[-16:] + text[:-16]


def envelope(good):
    return Envelope(Identity({"HOME": str(good[1])}, (good[1] / "machine-id",)))


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_broken_payload(vault, good, name):
    vault.file.path.write_bytes(sealed(good, PAYLOADS[name]))
    refused(vault)


def test_one_wrong_entry_is_the_fault_of_its_own(vault, good):
    wrong = {"a": 5, "b": None, "d": [], "e": {"value": None}, "f": {"value": ""}, "g": {"value": "a\nb"}, "h": "x"}
    credentials = {f"llm_api_key::{slug}": fields for slug, fields in wrong.items()}
    whole = {"llm_api_key::c": {"value": KEY.reveal()}, "llm_api_key::a::b": {"value": "x" * 20}, "llm_api_key::": {}}
    plain = json.dumps({"credentials": credentials | whole, "__proto__": {"x": 1}}).encode()
    vault.file.path.write_bytes(sealed(good, plain))
    keys = vault.keys()
    assert keys["c"].key == KEY
    assert all(keys[slug].key is None and keys[slug].fault for slug in wrong)
    vault.put("b", KEY, PLACE)
    kept = envelope(good).decode(vault.file.path.read_bytes()).payload
    assert kept["credentials"]["llm_api_key::a"] == 5
    assert kept["__proto__"] == {"x": 1}


def test_of_two_fields_with_one_name_the_last_counts_as_in_the_app(vault, good):
    plain = b'{"credentials": {"llm_api_key::c": {"value": "first-key"}, "llm_api_key::c": {"value": "second-key"}}}'
    vault.file.path.write_bytes(sealed(good, plain))
    assert vault.keys()["c"].key.reveal() == "second-key"


@pytest.mark.parametrize("slug", ["", "a::b", "a b", "-a", "a-", "A", "é", "a\x00", "a" * 10_000, "../x", "__test-1"])
def test_no_key_is_saved_under_a_name_that_the_app_would_not_take(vault, slug):
    from xiantong_nb.errors import UsageError

    with pytest.raises(UsageError):
        vault.put(slug, KEY, PLACE)
    assert not vault.file.path.exists()


def test_a_large_key_and_many_of_them_are_taken(vault, good):
    credentials = {f"llm_api_key::k{n}": {"value": f"key-{n}"} for n in range(500)}
    vault.file.path.write_bytes(sealed(good, json.dumps({"credentials": credentials}).encode()))
    assert len(vault.keys()) == 500
    credentials["other::x"] = {"value": "x" * (1 << 20)}
    vault.file.path.write_bytes(sealed(good, json.dumps({"credentials": credentials}).encode()))
    vault.put("c", KEY, PLACE)
    assert vault.keys()["k499"].key.reveal() == "key-499"


def test_more_than_any_store_is_refused_before_it_is_read(vault):
    with vault.file.path.open("wb") as file:
        file.truncate(2 << 30)
    refused(vault, "larger than 64 MiB")


def test_what_is_no_file_is_refused_without_waiting_for_it(vault, tmp_path):
    path = vault.file.path
    os.mkfifo(path)
    refused(vault, "no ordinary file")
    path.unlink()
    path.mkdir()
    refused(vault, "no ordinary file")
    path.rmdir()
    for target in (tmp_path / "nothing", "/dev/zero"):
        path.symlink_to(target)
        refused(vault, "it is a link")
        path.unlink()
    assert not (tmp_path / "nothing").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_refused(vault):
    os.mknod(vault.file.path, 0o600 | 0o020000, os.makedev(1, 5))
    refused(vault, "no ordinary file")


def test_a_second_name_is_refused(vault, good, tmp_path):
    vault.file.path.write_bytes(good[0])
    os.link(vault.file.path, tmp_path / "second")
    refused(vault, "second name")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_file_is_refused(vault, good):
    vault.file.path.write_bytes(good[0])
    os.chown(vault.file.path, 65534, 65534)
    refused(vault, "another user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_what_may_not_be_read_is_not_taken_for_nothing(vault, good):
    """As another user, since root may read everything."""
    path = vault.file.path
    path.write_bytes(good[0])
    path.chmod(0)
    for each in (path, path.parent):
        os.chown(each, 65534, 65534)
    script = """
import os, sys
from pathlib import Path
from xiantong_nb.vault import Vault
import filelock, cryptography.hazmat.primitives.ciphers.aead, pwd
for each in map(Path, sys.argv[2:]): each.chmod(0o755)
os.setgid(65534); os.setuid(65534)
from xiantong_nb.errors import Unreadable
try:
    Vault(Path(sys.argv[1])).keys()
except Unreadable as error:
    print(error)
"""
    above = [str(each) for each in path.parent.parents if each.name.startswith(("pytest", "test"))]
    done = subprocess.run(
        [sys.executable, "-c", script, str(path.parent), *above], capture_output=True, text=True, check=False
    )
    assert "permission denied" in done.stdout, done.stderr
    assert str(path) in done.stdout
    assert path.read_bytes() == good[0]


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        (b"  abc\r\n", "abc"), (b"\xef\xbb\xbfabc\xc2\xa0", "abc"), (b"abc\x1c", "abc\x1c"), (b"\x1fabc", "\x1fabc"),
        (b"\x0b\x0cabc\xe2\x80\xa8", "abc"), (b"", ""), (b" \n", ""), (b"uninitialized\n", "uninitialized"),
        (b"\xff", "\ufffd"), (b"a b", "a b"), (b"\xe2\x80\x8babc", "\u200babc"),
    ],
)  # fmt: skip
def test_the_machine_id_is_trimmed_as_javascript_does(tmp_path, written, taken):
    (tmp_path / "id").write_bytes(written)
    assert Identity({}, (tmp_path / "id",)).machine() == taken


def test_the_first_id_file_that_exists_counts(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_text("second")
    identity = Identity({"HOME": "/home/x"}, (first, second))
    assert identity.machine() == "second"
    first.write_text("")
    assert identity.machine() == ""
    first.unlink()
    second.unlink()
    assert identity.machine().endswith(":/home/x")


def test_a_file_is_not_written_under_an_id_that_does_not_open_it(good, tmp_path):
    ids = tmp_path / "id"
    ids.write_text("one")
    vault = Vault(tmp_path / "x", Identity({"HOME": str(tmp_path)}, (ids,)))
    vault.file._torn_patience = 0.02
    vault.put("c", KEY, PLACE)
    before = vault.file.path.read_bytes()
    ids.write_text("two")
    with pytest.raises(Unreadable, match="another machine") as caught:
        vault.put("d", KEY, PLACE)
    assert "restore" not in caught.value.hint, "no copy opens here either"
    assert "XIANTONG_HOME" in caught.value.hint
    assert vault.file.path.read_bytes() == before
    ids.write_text("one")
    assert vault.keys()["c"].key == KEY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes nobody")
def test_a_user_without_a_name_is_told_so(tmp_path):
    script = """
import os, sys
from xiantong_nb.errors import Unreadable
from xiantong_nb.identity import Identity
import pwd
os.setuid(54321)
identity = Identity({"HOME": "/x"}, ())
assert identity.legacy() is None
try:
    identity.machine()
except Unreadable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "no name" in done.stdout, done.stderr
    assert "--key-env" in done.stdout


def test_nothing_of_a_store_is_shown(good):
    opened = envelope(good).decode(good[0])
    assert isinstance(opened, Opened)
    for text in (repr(opened), str(opened), f"{opened}"):
        assert "CANARY" not in text
        assert opened.password.hex() not in text
        assert repr(opened.password) not in text


@pytest.mark.parametrize(
    "plain", [b'{"credentials": "sk-CANARY', b'["sk-CANARY"]', b'{"credentials": {"a": "sk-CANARY\xff"}}']
)
def test_no_error_holds_what_was_decrypted(good, plain):
    from xiantong_nb.files import Damaged

    with pytest.raises(Damaged) as caught:
        envelope(good).decode(sealed(good, plain))
    seen, error = [], caught.value
    while error is not None:
        seen += [repr(error), repr(vars(error)), *(repr(getattr(error, name, "")) for name in ("doc", "object"))]
        error = error.__context__
    assert "CANARY" not in "".join(seen)


def test_every_flipped_bit_is_refused(good):
    """All of them but those of the salt, which cost a derivation each: of those a few."""
    whole, opener = good[0], envelope(good)
    taken = 0
    for bit in [*range(12 * 8), *range(12 * 8, 44 * 8, 61), *range(44 * 8, len(whole) * 8)]:
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        try:
            opener.decode(bytes(data))
            taken += 1
        except ValueError:
            pass
    assert taken == 0


def test_the_folder_may_be_a_link(good, tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    vault = Vault(tmp_path / "link", Identity({"HOME": str(good[1])}, (good[1] / "machine-id",)))
    vault.put("c", KEY, PLACE)
    assert (tmp_path / "real" / "credentials.enc").exists()
    assert Path(tmp_path / "link").is_symlink()
