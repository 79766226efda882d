"""The envelope: what was sealed opens again, and only whole, and only here."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb.files import Damaged
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope, Opened, with_credential

HERE = Envelope(Identity({"HOME": "/home/x"}, ()))
NEW = HERE.new()  # one salt, so that one key is derived

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def of(payload):
    return Opened(payload, NEW.dialect, NEW.salt, NEW.password)


@given(st.dictionaries(st.text(), values, max_size=4), st.dictionaries(st.text(), values, max_size=4))
def test_what_was_sealed_opens_again_in_its_order(credentials, more):
    payload = {**more, "credentials": credentials, "metadata": None}
    data = HERE.encode(of(payload))
    opened = HERE.decode(data)
    assert opened == of(payload)
    assert json.dumps(opened.payload) == json.dumps(payload)
    assert (opened.salt, opened.dialect, opened.legacy) == (NEW.salt, NEW.dialect, False)


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: HERE.encode(NEW)[:92] + tail))
def test_no_bytes_break_the_reader(data):
    with pytest.raises(Damaged):
        HERE.decode(data)


def test_each_seal_has_a_nonce_of_its_own():
    assert len({HERE.encode(NEW)[64:76] for _ in range(50)}) == 50
    assert {HERE.encode(NEW)[:12] for _ in range(5)} == {b"CRAFT01\0" + bytes(4)}


def test_a_change_keeps_the_rest_and_its_order_and_moves_the_time():
    payload = {"z": 1, "credentials": {"b::x": 1, "a::y": {"value": "v"}}, "metadata": {"by": "app", "updatedAt": 5}}
    changed = with_credential(of(payload), "a::y", {"value": "w"}).payload
    assert list(changed) == ["z", "credentials", "metadata"]
    assert changed["credentials"] == {"b::x": 1, "a::y": {"value": "w"}}
    assert changed["metadata"]["by"] == "app"
    assert changed["metadata"]["updatedAt"] > 5
    assert payload["credentials"]["a::y"] == {"value": "v"}
    same = of(payload)
    assert with_credential(same, "a::y", {"value": "v"}) is same
    assert with_credential(same, "gone::z", None) is same
    assert with_credential(same, "b::x", None).payload["credentials"] == {"a::y": {"value": "v"}}
