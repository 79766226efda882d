"""The staged test of a connection."""

from __future__ import annotations

import pytest

from tests.conftest import NOWHERE
from tests.decoding import CHAT
from tests.fault_server import BLOCK, CLOSE, END, START, failure, good, head, sse, text
from tests.speech import Chat
from xiantong_nb import probe
from xiantong_nb.base_url import spoken
from xiantong_nb.connection import Connection, Target
from xiantong_nb.draft import Draft
from xiantong_nb.errors import NotConnected
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.wizard import Wizard


@pytest.fixture
def session(faults):
    made = Session(
        folder=NOWHERE, environment={"ANTHROPIC_API_KEY": "sk-CANARY-0123456789", "ANTHROPIC_BASE_URL": faults.url}
    )
    yield made
    made.close()


def test_every_stage_is_passed_in_order_and_leaves_no_trace(faults, session):
    faults.play(good("hello"))
    shown = []
    outcome = probe.test(session, "anthropic:m", show=shown.append)
    assert outcome.passed
    assert tuple(s.name for s in outcome.stages) == probe.STAGES
    assert list(outcome.stages) == shown
    assert [s.seconds for s in shown] == sorted(s.seconds for s in shown)
    assert (outcome.target, outcome.url, outcome.failed_at) == ("anthropic:m", f"{faults.url}/v1/messages", "")
    assert faults.seen[0].json["max_tokens"] == 16
    assert session.last is None
    assert session.chats == {}


def test_a_keyless_connection_says_so(faults):
    faults.play(good("hello"))
    session = Session(folder=NOWHERE, environment={"ANTHROPIC_BASE_URL": faults.url})
    outcome = probe.test(session)
    session.close()
    assert "no key needed" in str(outcome.stages[1])


@pytest.mark.parametrize(
    ("answer", "failed_at"),
    [
        (failure(401, {}), "authenticated"),
        (failure(403, {}), "authenticated"),
        (failure(404, {"error": {"type": "not_found_error", "message": "model: m"}}), "model answered"),
        (failure(400, {}), "model answered"),
        (failure(307, {}), "authenticated"),
        ([head() + sse(START), CLOSE], "first token"),
        (
            [head() + sse(START, {"type": "error", "error": {"type": "api_error", "message": "x"}}), CLOSE],
            "first token",
        ),
        ([head() + sse(START, BLOCK, text("x")), CLOSE], "finished"),
        (failure(200, {"no": "reply"}), "model answered"),
    ],
)
def test_the_first_stage_that_fails_is_named(faults, session, answer, failed_at):
    faults.play(answer)
    outcome = probe.test(session, "anthropic:m")
    assert not outcome.passed
    assert outcome.failed_at == failed_at
    assert outcome.error.message
    assert outcome.error.__traceback__ is None
    assert "CANARY" not in f"{outcome}"


def test_an_answer_without_text_passes_too(faults, session):
    faults.play([head() + sse(START, *END), CLOSE])
    assert probe.test(session).passed


def test_nothing_reached():
    outcome = probe.test(Session(folder=NOWHERE, environment={"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}))
    assert (outcome.stages, outcome.failed_at) == ((), "reached")


def test_nothing_to_test():
    with pytest.raises(NotConnected):
        probe.test(Session(folder=NOWHERE, environment={}))


def custom(url, *, wire="anthropic-messages", header="bearer", key=True, preset="custom"):
    """A target of an endpoint that only its owner knows."""
    secret = {"key": Secret("sk-CANARY-0123456789"), "key_from": "the prompt"} if key else {}
    connection = Connection(
        "gw", PRESETS[preset], spoken(url, "anthropic-messages", wire), "m", header, wire=wire, **secret
    )
    return Target(connection, "m")


NO_PATH = failure(404, b"404 page not found")


@pytest.mark.parametrize(
    ("answers", "target", "options"),
    [
        ([failure(401, {}), good("x")], {}, "--auth-header x-api-key"),
        ([failure(401, {}), good("x")], {"header": "x-api-key"}, "--auth-header bearer"),
        ([failure(401, {}), failure(401, {}), Chat().good("x")], {}, "--api openai-completions"),
        ([NO_PATH, Chat().good("x")], {}, "--api openai-completions"),
        ([NO_PATH, Chat().good("x")], {"key": False}, "--api openai-completions"),
        ([failure(200, b"<html>"), Chat().good("x")], {}, "--api openai-completions"),
        ([NO_PATH, good("x")], {"wire": "openai-completions"}, "--api anthropic-messages"),
        ([NO_PATH, failure(401, {}), Chat().good("x")], {}, "--api openai-completions --auth-header x-api-key"),
    ],
)
def test_of_an_endpoint_of_ones_own_the_other_ways_are_tried(faults, session, answers, target, options):
    faults.play(*answers)
    outcome = probe.test(session, custom(faults.url, **target))
    assert not outcome.passed
    assert outcome.options == options
    assert outcome.error.hint == f"With {options} it works."
    last = faults.seen[-1]
    assert f"POST {'/v1/chat/completions' if outcome.instead.wire == CHAT else '/v1/messages'} " in last.head
    sent = [name for name in ("authorization", "x-api-key") if last.header(name)]
    wanted = {"bearer": "authorization", "x-api-key": "x-api-key"}[outcome.instead.auth_header]
    assert sent == ([wanted] if outcome.instead.key else []), "one header, or none"


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ([NO_PATH, Chat().good("x")], "/openai/v1"),  # as Groq has it
        ([NO_PATH, NO_PATH, NO_PATH, Chat().good("x")], "/openai"),  # as Gemini has it, with its version in front
    ],
)
@pytest.mark.parametrize("typed", ["/openai", "/openai/v1"])
def test_under_a_path_the_place_that_works_is_offered_too(faults, session, answers, path, typed):
    faults.play(*answers)
    wizard = Wizard(session, Draft(f"{faults.url}{typed}", model="m", key=Secret("sk-CANARY-0123456789")))
    assert wizard.check()
    outcome = wizard.probe()
    assert outcome.options == f"--api openai-completions --base-url {faults.url}{path}"
    assert f"POST {path}/chat/completions " in faults.seen[-1].head
    wizard.take(outcome)
    assert wizard.check()
    assert wizard.probe().passed, "what is taken is what was offered"
    assert f"POST {path}/chat/completions " in faults.seen[-1].head
    assert wizard.ready().connection.base_url == f"{faults.url}{path}"


@pytest.mark.parametrize(
    ("answers", "target", "asked"),
    [
        ([failure(401, {})], {}, 4),
        ([failure(401, {})], {"key": False}, 3),  # with the question whether it is Ollama
        ([failure(401, {})], {"preset": "openrouter"}, 1),
        ([NO_PATH], {}, 3),
        ([failure(404, {"error": {"code": "model_not_found", "message": "m"}}), NO_PATH], {}, 2),
        ([failure(400, {})], {}, 1),
        ([failure(402, {})], {}, 1),
    ],
)
def test_where_no_other_way_works_the_first_failure_stands(faults, session, answers, target, asked):
    faults.play(*answers)
    outcome = probe.test(session, custom(faults.url, **target))
    assert (outcome.instead, outcome.options) == (None, "")
    assert "it works" not in outcome.error.hint
    assert len(faults.seen) == asked
