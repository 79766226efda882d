"""Schemas and effort at the wire: by whose facility, once more where the answer does not fit, and what refusals say."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import BaseModel

from tests.conftest import NOWHERE
from tests.engines import toy_engine  # noqa: F401  # a fixture
from tests.fault_server import BLOCK, CLOSE, RESET, START, failure, good, head, sse
from tests.fault_server import text as delta
from tests.speech import SPEECHES, Chat, Messages
from xiantong_nb.base_url import spoken
from xiantong_nb.connection import Connection
from xiantong_nb.errors import IncompleteReply, RequestRefused, UnfitReply, UsageError
from xiantong_nb.events import Again
from xiantong_nb.options import EFFORTS, Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.session import Session
from xiantong_nb.shape import shape


class Age(BaseModel):
    age: int


AGE = shape(Age)
CLOSED = {
    "type": "object",
    "title": "Age",
    "properties": {"age": {"type": "integer", "title": "Age"}},
    "required": ["age"],
    "additionalProperties": False,
}
FACILITY = replace(PRESETS["custom"], schemas=("anthropic-messages", "openai-completions"))


@pytest.fixture
def session():
    made = Session(environment={}, folder=NOWHERE)
    yield made
    made.close()


def connect(session, url, *, speech=SPEECHES[0], preset=FACILITY):
    base_url = spoken(url, "anthropic-messages", speech.wire)
    session.here["gw"] = Connection("gw", preset, base_url, "m", wire=speech.wire)


def asked(session, **options):
    with session.open("How old?", "gw", Options(alone=True, **options)) as stream:
        return stream.result()


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda s: s.wire)
def test_the_endpoint_keeps_the_answer_to_a_schema_where_it_can(session, faults, speech):
    connect(session, faults.url, speech=speech)
    faults.play(speech.good('{"age"', ": 36}"))
    reply = asked(session, schema=AGE)
    assert reply.data == Age(age=36)
    assert reply.text == '{"age": 36}'
    body = faults.seen[0].json
    assert body["messages"] == [{"role": "user", "content": "How old?"}]
    if speech.wire == "anthropic-messages":
        assert body["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    else:
        form = {"name": "answer", "schema": CLOSED, "strict": True}
        assert body["response_format"] == {"type": "json_schema", "json_schema": form}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {"a": {}}}, False),
        ({"type": "object", "properties": {"a": {"type": "object"}}, "required": ["a"]}, True),
        ({"type": "object", "properties": {"a": {"items": {"type": "object", "properties": {"b": {}}}}},
          "required": ["a"]}, False),
    ],
)  # fmt: skip
def test_it_is_binding_only_where_every_property_is_required(session, faults, schema, strict):
    """OpenAI refuses any other schema as a binding one."""
    connect(session, faults.url, speech=Chat())
    faults.play(Chat().good('{"a": {}}'))
    asked(session, schema=shape(schema))
    assert faults.seen[0].json["response_format"]["json_schema"]["strict"] is strict


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda s: s.wire)
@pytest.mark.parametrize(
    "case", ["no facility", "a form that no facility has"], ids=["no facility", "a form that none has"]
)
def test_else_the_model_is_told(session, faults, speech, case):
    form = AGE if case == "no facility" else shape(dict[str, int])
    connect(session, faults.url, speech=speech, preset=replace(FACILITY, schemas=()) if form is AGE else FACILITY)
    faults.play(speech.good('```json\n{"age": 36}\n```'))
    reply = asked(session, schema=form)
    assert reply.data == (Age(age=36) if form is AGE else {"age": 36})
    body = faults.seen[0].json
    assert not {"output_config", "response_format"} & set(body)
    content = body["messages"][0]["content"]
    said = content if isinstance(content, str) else "\n\n".join(part["text"] for part in content)
    assert said == f"How old?\n\n{form.in_words}"


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda s: s.wire)
def test_an_answer_that_does_not_fit_is_asked_for_once_more_and_that_is_said(session, faults, speech):
    connect(session, faults.url, speech=speech)
    faults.play(speech.good('{"age": "old"}'), speech.good('{"age": 36}'))
    with session.open("How old?", "gw", Options(schema=AGE)) as stream:
        events = list(stream)
        reply = stream.result()
    assert reply.data == Age(age=36)
    assert reply.text == '{"age": 36}'
    (again,) = [event.reason for event in events if isinstance(event, Again)]
    assert again.startswith("the first answer did not fit ($.age: Input should be a valid integer")
    assert reply.notes == (again,)
    first, second = (seen.json for seen in faults.seen)
    assert [m["role"] for m in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][:1] == first["messages"]
    assert second["messages"][1]["content"] in ('{"age": "old"}', [{"type": "text", "text": '{"age": "old"}'}])
    assert "$.age: Input should be a valid integer" in json.dumps(second["messages"][2])
    assert (reply.usage.sent_tokens, reply.usage.output_tokens) == (18, 6), "both were paid for"
    (turn,) = session.chats["default"].turns
    assert [block.text for block in turn.question.blocks] == ["How old?"]
    assert [block.text for block in turn.answer.blocks] == ['{"age": 36}']


def test_what_never_fits_is_kept_and_raised(session, faults):
    connect(session, faults.url)
    faults.play(good("young"), good("old"), good("never asked"))
    with pytest.raises(UnfitReply, match="does not fit the schema: it is not JSON") as caught:
        asked(session, schema=AGE)
    reply = caught.value.reply
    assert reply is session.last
    assert (reply.text, reply.complete, reply.data, reply.unfit) == ("old", True, None, "it is not JSON")
    assert "[this does not fit the schema: it is not JSON]" in reply._repr_mimebundle_()[0]["text/plain"]
    assert len(faults.seen) == 2


REFUSED = failure(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "no more of this"}})
BUSY = failure(429, {}, retry_after="3600")


@pytest.mark.parametrize("repeat", [REFUSED, BUSY, [RESET]], ids=["refused", "busy", "reset"])
def test_where_the_repeat_fails_the_first_answer_stands(session, faults, repeat):
    """It was paid for: neither its text nor its tokens are lost."""
    connect(session, faults.url)
    faults.play(good("young"), repeat)
    with pytest.raises(UnfitReply) as caught:
        asked(session, schema=AGE)
    reply = caught.value.reply
    assert reply is session.last
    assert (reply.text, reply.complete, reply.unfit, reply.stop_reason) == ("young", True, "it is not JSON", "end_turn")
    assert reply.usage.output_tokens == 3
    assert len(session.used) == 1
    assert reply.notes[0] == "the first answer did not fit (it is not JSON): asked once more"
    assert reply.notes[1].startswith("that failed (")
    assert reply.notes[1].endswith("): the first answer stands")


def test_an_interrupt_while_it_is_repeated_leaves_the_first_answer(session, faults):
    connect(session, faults.url)
    faults.play(good("young"), [60.0])
    with session.open("How old?", "gw", Options(schema=AGE)) as stream:
        for event in stream:
            if isinstance(event, Again):
                break
        reply = stream.partial("interrupted")
    assert (reply.text, reply.complete, reply.ended) == ("young", False, "interrupted")
    assert reply is session.last
    assert session.chats["default"].turns == []
    assert reply.notes[1] == "that failed (interrupted): the first answer stands"


def test_a_repeat_that_is_cut_before_its_first_word_leaves_the_first_answer_and_is_incomplete(session, faults):
    """The endpoint had begun, so that it may have cost more than is known."""
    connect(session, faults.url)
    faults.play(good("young"), [head() + sse(START), CLOSE])
    with pytest.raises(IncompleteReply) as caught:
        asked(session, schema=AGE)
    reply = caught.value.reply
    assert reply is session.last
    assert (reply.text, reply.complete, reply.cost, reply.usage.sent_tokens) == ("young", False, None, 18)


def test_a_repeat_that_breaks_off_takes_its_place(session, faults):
    connect(session, faults.url)
    faults.play(good("young"), [head() + sse(START, BLOCK, delta('{"age')), CLOSE])
    with pytest.raises(IncompleteReply) as caught:
        asked(session, schema=AGE)
    assert (caught.value.reply.text, caught.value.reply.complete) == ('{"age', False)


@pytest.mark.parametrize(
    ("speech", "message"),
    [
        (Messages(), "output_config.format: Extra inputs are not permitted"),
        (Chat(), "response_format of type json_schema is not supported by this model"),
    ],
    ids=lambda each: getattr(each, "wire", "message"),
)
def test_a_facility_that_is_refused_gives_way_to_words(session, faults, speech, message):
    connect(session, faults.url, speech=speech)
    refusal = failure(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})
    faults.play(refusal, speech.good("36"), speech.good('{"age": 36}'))
    reply = asked(session, schema=AGE)
    assert reply.data == Age(age=36)
    assert reply.notes[0] == "the endpoint refused the schema: asked again in words"
    assert reply.notes[1].startswith("the first answer did not fit")
    assert len(faults.seen) == 3
    assert not {"output_config", "response_format"} & set(faults.seen[1].json)


def test_another_refusal_is_the_end(session, faults):
    connect(session, faults.url)
    faults.play(failure(400, {"error": {"type": "invalid_request_error", "message": "max_tokens: too many"}}))
    with pytest.raises(RequestRefused, match="too many"):
        asked(session, schema=AGE)
    assert len(faults.seen) == 1


def test_an_answer_that_was_cut_is_not_asked_for_again(session, faults):
    connect(session, faults.url)
    full = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 3}}
    faults.play([head() + sse(START, BLOCK, delta('{"age'), full, {"type": "message_stop"}), CLOSE])
    with pytest.raises(UnfitReply) as caught:
        asked(session, schema=AGE)
    assert len(faults.seen) == 1
    assert "cut at --max-tokens" in caught.value.reply._repr_mimebundle_()[0]["text/markdown"]


def test_a_stream_that_breaks_is_no_misfit(session, faults):
    connect(session, faults.url)
    faults.play([head() + sse(START, BLOCK, delta('{"age')), CLOSE])
    with pytest.raises(IncompleteReply) as caught:
        asked(session, schema=AGE)
    assert caught.value.reply.unfit == ""
    assert len(faults.seen) == 1


def test_a_real_engine_keeps_to_a_schema(session, engine):
    """llama.cpp samples by a grammar made of the schema: even a toy can't but answer so."""
    form = shape({"type": "object", "properties": {"tea": {"enum": ["green", "black"]}}, "required": ["tea"]})
    base_url = spoken(engine.base_url, "anthropic-messages", "openai-completions")
    session.here["toys"] = Connection("toys", PRESETS["custom"], base_url, "toy-1", wire="openai-completions")
    with session.open("Which tea?", "toys", Options(schema=form, max_tokens=500)) as stream:
        assert stream.result().data["tea"] in ("green", "black")


def test_a_toy_that_is_told_does_not_understand_and_that_is_said(session, engine):
    session.here["toys"] = Connection("toys", PRESETS["custom"], engine.base_url, "toy-1")
    with session.open("Which tea?", "toys", Options(schema=AGE)) as stream, pytest.raises(UnfitReply):
        stream.result()
    assert session.last.notes == ("the first answer did not fit (it is not JSON): asked once more",)
    assert "toy-1" in session.last.text


@pytest.mark.parametrize("effort", EFFORTS)
def test_effort_is_spelt_as_each_wire_does(session, faults, effort):
    for speech in SPEECHES:
        connect(session, faults.url, speech=speech)
        faults.play(speech.good("ok"))
        reply = asked(session, effort=effort)
        body = faults.seen[-1].json
        told = body["output_config"]["effort"] if speech.wire == "anthropic-messages" else body["reasoning_effort"]
        assert told == effort
        assert reply.parameters["effort"] == effort


def test_effort_is_sent_only_when_given(session, faults):
    for speech in SPEECHES:
        connect(session, faults.url, speech=speech)
        faults.play(speech.good("ok"))
        asked(session)
        assert not {"output_config", "reasoning_effort", "thinking"} & set(faults.seen[-1].json)
    with pytest.raises(UsageError, match="effort must be one of low, medium, high, xhigh, max"):
        Options(effort="enormous")


@pytest.mark.parametrize(
    ("options", "message", "names"),
    [
        ({"effort": "xhigh"}, "This model does not support the effort parameter.", "--effort"),
        ({"effort": "max"}, "Unsupported value: 'reasoning_effort' does not support 'max'", "--effort"),
        ({"effort": "low"}, "output_config: Extra inputs are not permitted", "--effort"),
        ({"temperature": 0.5}, "`temperature` is deprecated for this model.", "--temperature"),
    ],
)
def test_a_refused_option_is_named(session, faults, options, message, names):
    connect(session, faults.url)
    faults.play(failure(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}}))
    with pytest.raises(RequestRefused) as caught:
        asked(session, **options)
    assert f"Leave out {names}" in caught.value.hint


def test_a_budget_counts_the_second_try(session):
    session.here["a"] = Connection("a", PRESETS["anthropic"], "https://api.anthropic.com", "claude-opus-5-5")
    ask = {"alone": True, "budget": 0.3, "max_tokens": 10_000}
    session.open("hi", "a", Options(**ask))
    with pytest.raises(UsageError, match=r"could cost up to \$0\.4"):
        session.open("hi", "a", Options(**ask, schema=AGE))
