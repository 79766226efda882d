"""A key shows itself nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import msgspec
import pytest

from xiantong_nb.errors import UsageError
from xiantong_nb.secret import Secret

KEY = "sk-ant-CANARY-0123456789-wxyz"

HOSTILE = [
    "sk-CANARY\rx", "sk-CANARY\nx", "sk-CANARY\r\nx-api-key: y", "sk-CANARY\x00", "sk-\x00CANARY", "sk-CANARY\tx",
    "sk-CANARY x", "Bearer sk-CANARY", "sk-CANARY\x0bx", "sk-CANARY\x0cx", "sk-CANARY\x1bx", "sk-CANARY\x7fx",
    "sk-CANARY\x80x", "sk-CANARY\x85x", "sk-CANARY\xa0x", "sk-CANARY\u2028x", "sk-CANARY\u2029x", "sk-CANARY\ufeffx",
    "\ufeffsk-CANARY", "sk-CANARY\u200b", "sk-CANARYé", "sk-CANARY’s", "“sk-CANARY”", "sk-CANARY–1", "sk-CANARY仙",
    "sk-CANARY🐼", "sk-CANARY\ud800", '"sk-CANARY"', "'sk-CANARY'", "`sk-CANARY`", "sk-CANARY\u202ex", "sk-CANARY\x1fx",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(text):
    with pytest.raises(UsageError) as caught:
        Secret.from_user(text, name="SOME_KEY")
    assert "SOME_KEY" in str(caught.value)
    assert "CANARY" not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u2003"])
def test_an_empty_key_is_called_empty(text):
    with pytest.raises(UsageError, match="is empty"):
        Secret.from_user(text, name="SOME_KEY")


def test_what_is_pasted_around_a_key_goes():
    assert Secret.from_user(f"  {KEY}\r\n", name="k").reveal() == KEY


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


def test_logging_it_shows_nothing(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("t").warning("key %s %r", Secret(KEY), Secret(KEY))
    assert "CANARY" not in caplog.text
