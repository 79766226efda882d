"""What endpoints say when they fail: eight shapes of body, one typed error."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb.errors import (
    BadReply,
    Busy,
    KeyRefused,
    NotFound,
    OutOfCredit,
    ProviderError,
    RequestRefused,
    UnknownModel,
)
from xiantong_nb.failures import Place, from_response, from_stream
from xiantong_nb.secret import Secret
from xiantong_nb.told import retry_after, used_up

KEY = "sk-or-CANARY-0123456789-wxyz"
URL = "https://openrouter.ai/api/v1/messages"
PLACE = Place(
    "openrouter", "a/b", URL, "OPENROUTER_API_KEY", Secret(KEY),
    mend_key="Check OPENROUTER_API_KEY.", mend_model="Names there: provider/model.", others=("work",),
)  # fmt: skip

SHAPES = {
    "anthropic": ({"type": "error", "error": {"type": "T", "message": "Says this"}, "request_id": "req_1"}, "T"),
    "openai": ({"error": {"message": "Says this", "type": "T", "param": None, "code": "C"}}, "T"),
    "llama.cpp": ({"error": {"message": "Says this", "type": "T", "code": 418}}, "T"),
    "openrouter": ({"error": {"code": 418, "message": "Says this", "metadata": {"x": 1}}, "user_id": "u"}, "418"),
    "vercel": ({"error": {"message": "Says this", "type": "T"}}, "T"),
    "ollama native": ({"error": "Says this"}, ""),
    "old vllm": ({"object": "error", "message": "Says this", "type": "T", "code": 418}, "T"),
    "fastapi": ({"detail": "Says this"}, ""),
}
ODD_BODIES = {
    "fastapi list": (json.dumps({"detail": [{"loc": ["body"], "msg": "Says this"}]}).encode(), "Says this"),
    "page": (b"<!DOCTYPE html><html><title> Bad\n gateway </title><body>x", "a web page (Bad gateway)"),
    "page without title": (b"\n<html><body>x", "a web page"),
    "text": (b"404 page not found\n", "404 page not found"),
    "empty": (b"", "(418)."),
    "invalid utf-8": (b"caf\xe9 \xff", "caf\ufffd"),
    "null": (b"null", "None"),
    "list": (b"[1]", "[1]"),
    "null members": (b'{"error":{"message":null,"type":null,"code":null},"request_id":null}', "(418)."),
    "numbers": (b'{"error":{"message":5,"type":6,"code":[7]}}', "5"),
    "deep": (b'{"error":' * 50_000, '{"error"'),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_message_and_type(name):
    body, kind = SHAPES[name]
    error = from_response(418, {"request-id": "req_h"}, json.dumps(body).encode(), PLACE)
    assert type(error) is RequestRefused
    assert error.message == "openrouter refused the request (418): Says this"
    assert (error.status, error.kind) == (418, kind)
    assert error.request_id == ("req_1" if name == "anthropic" else "req_h")
    assert error.request_id in error.where


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_read_inside_a_stream_too(name):
    body, kind = SHAPES[name]
    error = from_stream(json.dumps(body).encode(), PLACE, request_id="req_h")
    assert "Says this" in error.message
    assert error.kind == kind
    assert error.status in (418, 500)


@pytest.mark.parametrize("name", ODD_BODIES)
def test_odd_bodies_are_read_as_far_as_they_go(name):
    body, says = ODD_BODIES[name]
    assert says in from_response(418, {}, body, PLACE).message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"type": "invalid_request_error", "message": "temperature: Extra inputs"}}, RequestRefused),
        (401, {}, KeyRefused),
        (402, {}, OutOfCredit),
        (403, {}, KeyRefused),
        (404, {}, NotFound),
        (405, {}, NotFound),
        (408, {}, Busy),
        (409, {}, Busy),
        (413, {}, RequestRefused),
        (422, {}, RequestRefused),
        (429, {}, Busy),
        (429, {"error": {"type": "x", "details": {"error_code": "enforced_spend_limit_reached"}}}, OutOfCredit),
        (429, {"error": {"code": "insufficient_quota", "message": "x"}}, OutOfCredit),
        (403, {"error": {"type": "insufficient_funds", "message": "x"}}, OutOfCredit),
        (400, {"error": {"type": "billing_error", "message": "x"}}, OutOfCredit),
        (500, {}, Busy), (502, {}, Busy), (503, {}, Busy), (504, {}, Busy), (524, {}, Busy), (529, {}, Busy),
        (200, {}, BadReply), (204, {}, BadReply), (301, {}, BadReply), (304, {}, BadReply), (308, {}, BadReply),
    ],
)  # fmt: skip
def test_the_status_decides_and_money_beats_it(status, body, kind):
    error = from_response(status, {}, json.dumps(body).encode(), PLACE)
    assert type(error) is kind
    assert error.status == status
    assert f"({status})" in error.message
    assert error.hint.endswith((".", "models", "keys"))


@pytest.mark.parametrize(
    ("told", "kind", "status"),
    [
        ("overloaded_error", Busy, 529),
        ("rate_limit_error", Busy, 429),
        ("api_error", Busy, 500),
        ("timeout_error", Busy, 504),
        ("invalid_request_error", RequestRefused, 400),
        ("exceed_context_size_error", RequestRefused, 400),
        ("authentication_error", KeyRefused, 401),
        ("billing_error", OutOfCredit, 402),
        ("permission_error", KeyRefused, 403),
        ("not_found_error", NotFound, 404),
        ("SomethingNew", Busy, 500),
    ],
)
def test_inside_a_stream_the_type_decides(told, kind, status):
    error = from_stream(json.dumps({"type": "error", "error": {"type": told, "message": "m"}}).encode(), PLACE)
    assert (type(error), error.status) == (kind, status)


def test_each_class_of_failure_has_its_own_next_step():
    def hint(status, kind=""):
        return from_response(status, {}, json.dumps({"error": {"type": kind, "message": "x"}}).encode(), PLACE).hint

    assert "OPENROUTER_API_KEY" in hint(401)
    assert "provider's page" in hint(402)
    assert "/v1/messages under its base URL, https://openrouter.ai/api." in hint(404)
    assert "--new" in hint(400, "context_length_exceeded")
    assert "another connection: work" in hint(529)
    assert "base URL" in hint(200)
    keyless = Place("ollama", "m", "http://localhost/v1/messages")
    assert "wants a key" in from_response(401, {}, b"", keyless).hint


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (404, {"type": "not_found_error", "message": "model: a/b"}, UnknownModel),
        (404, {"type": "not_found_error", "message": "File Not Found"}, NotFound),
        (404, {"code": "model_not_found", "message": "The model does not exist"}, UnknownModel),
        (404, {"message": "No endpoints found for A/B."}, UnknownModel),
        (404, {"message": "model 'a/bc' not found, try pulling it first"}, UnknownModel),
        (404, {"message": "a/bc"}, NotFound),
        (405, {"message": "a/b"}, NotFound),
        (400, {"code": 400, "message": "a/b is not a valid model ID"}, UnknownModel),
        (400, {"message": "a/b does not take temperature"}, RequestRefused),
        (400, {"message": "Your credit balance is too low to access the API."}, OutOfCredit),
        (400, {"message": "You have reached your specified API usage limits."}, OutOfCredit),
        (402, {"metadata": {"error_type": "payment_required"}, "message": "x"}, OutOfCredit),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, RequestRefused),
    ],
)
def test_what_a_status_alone_does_not_tell(status, error, kind):
    assert type(from_response(status, {}, json.dumps({"error": error}).encode(), PLACE)) is kind


def test_what_an_upstream_said_goes_along():
    body = {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "bad image", "x": 1}}}
    assert from_response(400, {}, json.dumps(body).encode(), PLACE).message.endswith(
        "Provider returned error: bad image"
    )


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, ""),
        ({"anthropic-ratelimit-requests-remaining": "3", "anthropic-ratelimit-requests-limit": "50"}, ""),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-limit": "40000",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-23T12:00:03Z",
            },
            "40000 input tokens, until 2026-11-23T12:00:03Z",
        ),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
            },
            "60 requests, for another 1s; all tokens",
        ),
    ],
)
def test_the_limit_that_is_used_up_is_named(headers, says):
    assert used_up(headers) == says
    hint = from_response(429, headers, b"", PLACE).hint
    assert ("Used up" in hint) is bool(says)
    assert says in hint


def test_a_long_wait_is_said():
    error = from_response(429, {"retry-after": "3600"}, b"", PLACE)
    assert error.retry_after == 3600
    assert "after 3600 s" in error.hint


def test_a_redirect_names_the_origin_it_leads_to_and_no_more():
    location = f"https://user:{KEY}@other.example:8443/path?key={KEY}"
    error = from_response(307, {"location": location}, b"<html>moved</html>", PLACE)
    assert "https://other.example:8443" in error.message
    assert "CANARY" not in str(error)
    assert "path" not in error.message
    assert from_response(301, {"location": "/v2"}, b"", PLACE).message.endswith("(301).")
    assert from_response(301, {"location": "http://[bad"}, b"", PLACE).message.endswith("(301).")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"error": {"message": f"Incorrect key {KEY} given", "type": KEY, "code": KEY}, "request_id": KEY}),
        f"invalid: Bearer {KEY}",
        json.dumps({"detail": {"headers": {"authorization": f"Bearer {KEY}"}}}),
        "x" * 590 + KEY,
        "\x00".join(KEY),
    ],
)
def test_a_key_that_is_sent_back_is_masked(body):
    for error in (
        from_response(401, {"request-id": KEY}, body.encode(), PLACE),
        from_stream(body.encode(), PLACE, request_id=KEY),
    ):
        assert "CANARY" not in f"{error} {error!r} {vars(error)}"


def test_foreign_words_are_one_printable_line():
    evil = "a\x1b]0;title\x07b\r\nc\x9b31m \u202ed\ud800" + "y" * 5000
    body = json.dumps({"error": {"message": evil, "type": evil}, "request_id": evil}).encode()
    error = from_response(400, {"request-id": "r\x9b2J"}, body, PLACE)
    for text in (error.message, error.where, error.kind, error.request_id):
        assert text.isprintable()
        assert len(text) < 900
    error = from_response(400, {}, b"see javascript://%0aalert(1)", PLACE)
    assert "javascript://" not in error.message, "JupyterLab makes a link of it"


NOW = 1_790_000_000.0
DATE = "Mon, 21 Sep 2026 14:13:30 GMT"  # 10 s later


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": DATE}, 10),
        ({"retry-after": DATE.replace("GMT", "-0000")}, 10),
        ({"retry-after": DATE.replace("2026", "2025").replace("Mon", "Sun")}, None),
        ({"retry-after": "1000000000"}, 1e9),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, None),
    ],
)
def test_the_wait_asked_for(headers, seconds):
    assert retry_after(headers, now=NOW) == pytest.approx(seconds)


@given(st.text(max_size=60))
def test_no_header_value_breaks_the_reader(text):
    wait = retry_after({"retry-after": text, "retry-after-ms": text}, now=time.time())
    assert wait is None or wait > 0


@given(st.binary(max_size=300), st.sampled_from([200, 302, 400, 401, 402, 404, 429, 500]))
def test_no_body_breaks_the_reader(body, status):
    error = from_response(status, {}, body, PLACE)
    assert isinstance(error, ProviderError)
    assert error.message.isprintable()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "message", "type", "code", "details", "detail", "request_id"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_breaks_the_reader(found):
    error = from_stream(json.dumps(found).encode(), PLACE)
    assert isinstance(error, ProviderError)
    assert error.message.isprintable()
