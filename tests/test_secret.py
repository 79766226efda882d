"""A key shows itself nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import msgspec
import pytest

from xiantong_nb.errors import UsageError
from xiantong_nb.secret import Secret, cleaned, looks_like_key

KEY = "sk-ant-CANARY-0123456789-wxyz"

HOSTILE = [
    "sk-CANARY\rx", "sk-CANARY\nx", "sk-CANARY\r\nx-api-key: y", "sk-CANARY\x00", "sk-\x00CANARY", "sk-CANARY\tx",
    "sk-CANARY x", "sk-CANARY\x0bx", "sk-CANARY\x0cx", "sk-CANARY\x1bx", "sk-CANARY\x7fx", "Bearer sk-CANARY x",
    "sk-CANARY\x80x", "sk-CANARY\x85x", "sk-CANARY\xa0x", "sk-CANARY\u2028x", "sk-CANARY\u2029x", "sk-CANARY\ufeffx",
    "sk-CANARY\u200bx", "sk-CANARYé", "sk-CANARY’s", "sk-CANARY–1", "sk-CANARY仙", 'sk-"CANARY',
    "sk-CANARY🐼", "sk-CANARY\ud800", "sk-CANARY\u202ex", "sk-CANARY\x1fx", "CANARY" * 2000,
    "sk-CANARY...", "sk-CANARY…", "sk-ant-••••••CANA", "<CANARY>", "[CANARY]", "your-api-key", "xxxxxxxx", "sk-xxxx",
    "API_KEY", "****CANARY", "https://CANARY.example/v1",
]  # fmt: skip
CLEANED = [
    (f" {KEY}", "white space"), (f"{KEY}\r\n", "white space"), (f"\xa0{KEY}\u2003", "white space"),
    (f"\ufeff{KEY}", "invisible"), (f"{KEY}\u200b", "invisible"), (f'"{KEY}"', "quotes"), (f"'{KEY}'", "quotes"),
    (f"`{KEY}`", "quotes"), (f"“{KEY}”", "quotes"), (f"„{KEY}“", "quotes"), (f"Bearer {KEY}", "Bearer"),
    (f"bearer\t{KEY}", "Bearer"), (f"ANTHROPIC_API_KEY={KEY}", "variable's name"),
    (f"export OPENROUTER_API_KEY='{KEY}'\n", "variable's name"), (f"\n “ Bearer {KEY} ” ", "Bearer"),
]  # fmt: skip
SHAPED = [
    KEY, "sk-or-v1-" + "0a" * 32, "sk-proj-" + "aB3_" * 10, "sk-" + "a1B2" * 12, "vck_" + "a1" * 20,
    "AIzaSy" + "a1B2" * 8, "gsk_" + "a1" * 25, "xai-" + "a1" * 30, "hf_" + "a1" * 17, "ghp_" + "a1" * 18,
]  # fmt: skip
ORDINARY = [
    "", "connect anthropic", "connect custom --base-url https://gw.example/v1 --model m", "sk-learn", "import sklearn",
    "what does sk-ant- mean?", "keys begin with sk- or sk-or-", "risk-averse strategies for long-term investments",
    "task-force-on-something-really-quite-long-and-winding", "sk-", "sk-ant-...", "anthropic:claude-sonnet-5-5",
    "openrouter:anthropic/claude-3.5-haiku-20241022:beta", "claude-haiku-4-5-20251001", "gpt-4o-mini-2024-07-18",
    "desk-0123456789012345678901234567890123456789", "models openrouter qwen3-coder-480b-a35b-instruct",
    "meta-llama/Llama-3.3-70B-Instruct-Turbo-Free", "--key-env OPENROUTER_API_KEY", "9f86d081884c7d659a2feaa0c55ad015",
    "550e8400-e29b-41d4-a716-446655440000", "https://example.com/a/b/c?d=e&f=0123456789abcdef0123456789abcdef",
    "rename work My work gateway in Frankfurt", "vck_", "hf_transfer", "gsk_", "AIza", "ghp_short", "xai-grok-4-fast",
    "disk-usage-analysis-of-all-the-machines-in-the-lab", "mask-rcnn-resnet50-fpn-v2-coco-pretrained", "sk-0123456789",
    "base64: aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ=", "x" * 5000, "sk-" * 500, "sha256:" + "0a" * 32, "--system '@VAR'",
    "ollama:qwen3-coder:30b-a3b-q4_K_M", "sk_test", "Sk-Ant-Is-Not-A-Name",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(text):
    with pytest.raises(UsageError) as caught:
        Secret.from_user(text, name="SOME_NAME")
    assert "SOME_NAME" in str(caught.value)
    assert "CANA" not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u2003"])
def test_an_empty_key_is_called_empty(text):
    with pytest.raises(UsageError, match="is empty"):
        Secret.from_user(text, name="SOME_KEY")


@pytest.mark.parametrize(("text", "what"), CLEANED, ids=ascii)
def test_what_is_pasted_around_a_key_goes_and_that_is_said(text, what):
    key, notes = cleaned(text, name="k")
    assert key.reveal() == KEY
    assert any(what in note for note in notes)
    assert "CANARY" not in "".join(notes)


def test_a_clean_key_is_taken_as_it_is():
    for text in (*SHAPED, "ollama", "not-needed", "abc==", "a=b", "user:pass"):
        assert cleaned(text, name="k") == (Secret(text), ())


@pytest.mark.parametrize("around", ["{}", "connect '{}'", "--key={}", 'x="{}"', "({})", "key:{},", "{}\n"])
@pytest.mark.parametrize("key", SHAPED)
def test_what_is_shaped_like_a_key_is_seen_anywhere_on_a_line(key, around):
    assert looks_like_key(around.format(key))


@pytest.mark.parametrize("text", ORDINARY, ids=lambda text: text[:20])
def test_ordinary_words_are_no_keys(text):
    assert not looks_like_key(text)


def test_it_is_found_in_text_and_a_word_is_not():
    assert Secret(KEY).is_in(f"my key is {KEY}.")
    assert not Secret(KEY).is_in(KEY[:-1])
    assert not Secret("ollama").is_in("ask ollama")


def test_no_form_of_it_shows_it():
    secret = Secret(KEY)
    forms = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret:>40}",
        repr([secret]),
    ]
    assert all("CANARY" not in form and "wxyz" in form for form in forms)
    assert repr(Secret("short-key")) == "Secret(…)"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        hash(secret)


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, msgspec.json.encode, msgspec.msgpack.encode])
def test_no_serialiser_writes_it(write):
    with pytest.raises(TypeError) as caught:
        write(Secret(KEY))
    assert "CANARY" not in str(caught.value)


def test_copies_are_the_same_object_and_equality_is_by_text():
    secret = Secret(KEY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"k": secret})["k"] is secret
    assert secret == Secret(KEY)
    assert secret != Secret("other")
    assert secret != KEY
    assert Secret("\ud800") != secret


def test_it_masks_itself_in_foreign_text():
    assert Secret(KEY).masked_in(f"bad key {KEY}: {KEY}!") == "bad key …wxyz: …wxyz!"
    assert Secret("").masked_in("text") == "text"


@pytest.mark.parametrize(("first", "last"), [(0, 20), (3, 19), (5, None), (0, -1)])
def test_it_masks_long_runs_of_itself(first, last):
    """An endpoint may quote most of a key, with dots for the rest."""
    assert Secret(KEY).masked_in(f"bad key {KEY[first:last]}... or {KEY[first:last]}") == "bad key …wxyz... or …wxyz"


def test_it_leaves_what_it_shares_with_other_keys():
    assert Secret(KEY).masked_in(f"it begins with {KEY[:12]}") == f"it begins with {KEY[:12]}"


def test_logging_it_shows_nothing(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("t").warning("key %s %r", Secret(KEY), Secret(KEY))
    assert "CANARY" not in caplog.text
