"""Several targets asked at once, against servers that play scripted bytes: each lane for itself, one value at last."""

from __future__ import annotations

import threading
import time

import pytest

from tests.conftest import NOWHERE
from tests.endpoints import session_of_three, three_servers  # noqa: F401  # fixtures
from tests.engines import until
from tests.fault_server import BLOCK, BLOCK_END, CLOSE, END, ENDLESS, START, failure, good, head, sse, text
from tests.test_pictures import IMAGE
from xiantong_nb.chats import Origin
from xiantong_nb.connection import Connection
from xiantong_nb.errors import Busy, IncompleteReply, KeyRefused, NoAnswer, UsageError
from xiantong_nb.events import Finished, TextDelta, Waiting
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.session import Session
from xiantong_nb.streaming import Lanes

CUT = [head() + sse(START, BLOCK, text("half")), CLOSE]


def compare(session, *targets, prompt="hi", cell="", run=0, **options):
    with session.compare(prompt, targets or ("a", "b", "c"), Options(**options), Origin(cell, run)) as asking:
        return asking.result()


def sent(server):
    """What each request to a server said, and by whom."""
    return [[(m["role"], m["content"]) for m in seen.json["messages"]] for seen in server.seen]


def test_all_are_asked_the_same_and_answer_by_name(session, servers):
    for name, server in servers.items():
        server.play(good("I am ", name))
    made = compare(session, system="Be brief", max_tokens=9, temperature=0.5, stop=("END",))
    assert [reply.text for reply in made] == ["I am a", "I am b", "I am c"]
    assert made.labels == ("a:m", "b:m", "c:m")
    assert (made.complete, made.errors, len(made)) == (True, {}, 3)
    bodies = [server.seen[0].json for server in servers.values()]
    assert bodies[0] == bodies[1] == bodies[2]
    assert (bodies[0]["system"], bodies[0]["max_tokens"], bodies[0]["stop_sequences"]) == ("Be brief", 9, ["END"])
    assert session.last is made
    assert {slug: one.answers for (slug, _), one in session.used.by.items()} == {"a": 1, "b": 1, "c": 1}


def test_all_stream_at_the_same_time(session, servers):
    """Each has said two words before any has ended."""
    for server in servers.values():
        server.play([head() + sse(START, BLOCK, text("one ")), 0.05, sse(text("two")), 30.0])
    spoken: dict[str, str] = {}
    with session.compare("hi", ["a", "b", "c"]) as asking:
        for batch in asking.batches():
            for lane, event in batch:
                if isinstance(event, TextDelta):
                    spoken[lane.label] = spoken.get(lane.label, "") + event.text
            if list(spoken.values()) == ["one two"] * 3:
                break
    assert [reply.text for reply in asking.comparison] == ["one two"] * 3
    assert not any(reply.complete for reply in asking.comparison)


def test_a_failing_a_cut_and_a_waiting_lane_disturb_nobody(session, servers):
    servers["a"].play(failure(401, {"error": {"message": "no"}}))
    servers["b"].play(CUT)
    servers["c"].play(failure(529, {}, retry_after_ms="300"), good("at last"))
    waited = []
    with session.compare("hi", ["a", "b", "c"]) as asking:
        for batch in asking.batches():
            waited += [lane.label for lane, event in batch if isinstance(event, Waiting)]
        made = asking.result()
    assert waited == ["c:m"]
    assert [lane.state for lane in made.lanes] == ["failed", "incomplete", "complete"]
    assert [reply.text for reply in made] == ["", "half", "at last"]
    assert {label: type(error) for label, error in made.errors.items()} == {"a:m": KeyRefused, "b:m": IncompleteReply}
    assert made[0].ended == made.errors["a:m"].message
    assert [slug for slug, _ in session.used.by] == ["b", "c"], "a failure costs nothing"
    assert len(servers["b"].seen) == 1, "nothing is asked again once something has come"


def test_stopping_one_lane_leaves_the_others(session, servers):
    servers["b"].play(ENDLESS)
    with session.compare("hi", ["a", "b", "c"]) as asking:
        for batch in asking.batches():
            for lane, event in batch:
                if lane.label == "b:m" and isinstance(event, TextDelta):
                    threading.Thread(target=lane.stop).start()
        made = asking.result()
    assert servers["b"].seen[0].gone.wait(10), "its connection is closed"
    assert [reply.text for reply in made] == ["yes", "some words", "yes"]
    assert made["b"].ended == "It was stopped."
    assert list(made.errors) == ["b:m"]


def test_leaving_the_block_stops_all_and_keeps_what_came(session, servers):
    for server in servers.values():
        server.play(ENDLESS)
    with session.compare("hi", ["a", "b", "c"]) as asking:
        seen = set()
        for batch in asking.batches():
            seen |= {lane for lane, event in batch if isinstance(event, TextDelta)}
            if len(seen) == 3:
                break
        made = asking.partial("interrupted")
    assert [(r.text, r.complete, r.ended) for r in made] == [("some words", False, "interrupted")] * 3
    assert all(server.seen[0].gone.wait(10) for server in servers.values())
    assert session.last is made is asking.comparison
    with pytest.raises(NoAnswer):
        asking.result()


def test_where_no_answer_is_whole_it_raises_with_every_reason_and_what_came(session, servers):
    servers["a"].play(failure(401, {"error": {"message": "no"}}))
    servers["b"].play(failure(529, {}, retry_after_ms="10"))
    servers["c"].play(CUT)
    with pytest.raises(NoAnswer) as caught:
        compare(session)
    told = str(caught.value)
    for label in ("a:m", "b:m", "c:m"):
        assert f"\n{label}: " in told
    assert isinstance(caught.value.comparison.errors["b:m"], Busy)
    assert caught.value.comparison["c"].text == "half"
    assert session.last is caught.value.comparison
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_only_failures_are_no_comparison_to_speak_of(session, servers):
    for server in servers.values():
        server.play(failure(401, {}))
    with session.compare("hi", ["a", "b"]) as asking:
        for _ in asking.batches():
            pass
    assert asking.only_failed
    servers["b"].play(CUT)
    with session.compare("hi", ["a", "b"]) as asking:
        for _ in asking.batches():
            pass
    assert not asking.only_failed


# before anything is sent


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        (["a", "openrouter:x/y"], "OpenRouter is not connected"),
        (["a", "demo:toy-9"], "toy-9"),
        (["a"] * 9, "8 targets at most, not 9"),
        ([], "no target"),
    ],
)
def test_a_target_that_is_not_there_is_an_error_before_anything_is_sent(session, servers, targets, says):
    with pytest.raises(UsageError, match=says):
        session.compare("hi", targets)
    assert [server.accepted for server in servers.values()] == [0, 0, 0]


@pytest.mark.parametrize("prompt", ["", " \n", ["hi", "there"]])
def test_what_is_no_question_is_refused(session, prompt):
    with pytest.raises(UsageError):
        session.compare(prompt, ["a", "b"])


def test_a_budget_is_for_all_lanes_together(session, servers):
    session.here["dear"] = Connection("dear", PRESETS["anthropic"], "https://api.anthropic.com", "claude-opus-5-5")
    options = Options(alone=True, budget=0.3, max_tokens=10_000)
    session.compare("hi", ["dear"], options)
    with pytest.raises(UsageError, match=r"could cost up to \$0\.40, the 2 together, more than the budget of \$0\.30"):
        session.compare("hi", ["dear", "dear"], options)
    with pytest.raises(UsageError, match="No price of a:m is known"):
        session.compare("hi", ["dear", "a"], options)
    assert not any(seen.body for seen in servers["a"].seen), "it was asked for its list and prices alone"


def test_eight_lanes_of_one_connection_go_out_at_once_and_a_limit_holds_the_rest_back(session, servers):
    servers["a"].play(ENDLESS)
    with session.compare("hi", ["a"] * 8) as asking:
        assert until(lambda: len(servers["a"].seen) == 8)
        lanes = asking.lanes
    assert [lane.label for lane in lanes[:3]] == ["a:m", "a:m#2", "a:m#3"]

    servers["b"].play([head() + sse(START, BLOCK, text("x")), 0.2, sse(BLOCK_END, *END), CLOSE])
    limited = Lanes(session.compare("hi", ["b", "b", "b", "a", "b"]).lanes, at_once=2)
    limited.begin()
    under_way, most = set(), 0
    for batch in limited.batches():
        for lane, event in batch:
            if lane.target.connection.slug == "a":
                lane.stop()
            elif isinstance(event, Finished):
                under_way.discard(lane)
            else:
                under_way.add(lane)
            most = max(most, len(under_way))
    assert most == 2, "of one connection no more than two at once"
    assert len(servers["b"].seen) == 4, "and each in its turn"
    assert len(servers["a"].seen) == 9, "another connection has turns of its own"


# images


def test_what_one_can_not_take_is_said_in_its_lane(session, servers):
    session.here["a"] = Connection("a", PRESETS["custom"], servers["a"].url, "m", all_images=True)
    made = compare(session, "a", "b", images=(IMAGE,))
    assert [lane.state for lane in made.lanes] == ["complete", "failed"]
    assert "takes no images" in made.errors["b:m"].message
    assert "--images" in made.errors["b:m"].hint
    assert servers["b"].accepted == 0
    assert servers["a"].seen[0].json["messages"][0]["content"][0]["source"]["data"] == IMAGE.data


def test_an_endpoint_that_does_not_say_what_it_takes_keeps_nobody_waiting(session, servers):
    """Its list of models is asked for in its own lane."""
    session.here["a"] = Connection("a", PRESETS["custom"], servers["a"].url, "m", all_images=True)
    session.here["b"] = Connection("b", PRESETS["anthropic"], servers["b"].url, "m")
    servers["b"].play([60.0])
    with session.compare("what is it?", ["b", "a"], Options(alone=True, images=(IMAGE,))) as asking:
        for batch in asking.batches():
            if any(isinstance(event, Finished) for _, event in batch):
                break
        assert asking.lanes[1].reply.text == "yes"
        assert asking.lanes[0].reply is None
        assert until(lambda: servers["b"].seen), "it is asked by a thread of its own"
    assert servers["b"].seen[0].head.startswith("GET /v1/models")
    assert asking.comparison[0].seconds == 0, "it was not sent"


# chats


def test_the_chat_stays_as_it_was_until_it_is_continued(session, servers):
    servers["a"].play(good("A"))
    servers["b"].play(good("B"))
    with session.open("first", "a") as stream:
        stream.result()
    made = compare(session, "a", "b", prompt="second")
    both = [("user", "first"), ("assistant", "A"), ("user", "second")]
    assert sent(servers["a"])[1] == sent(servers["b"])[0] == both, "every lane is asked with the chat as it was"
    assert made.notes == ("chat default, 1 turn, about 1 tokens",)
    chat = session.chats["default"]
    assert len(chat.turns) == 1
    shown = made.continue_with("b")
    assert (shown.text, shown.notes[-1]) == ("B", "chat default goes on from here")
    assert [turn.target for turn in chat.turns] == ["a:m", "b:m"]
    with session.open("third", "a") as stream:
        stream.result()
    assert sent(servers["a"])[-1] == [*both, ("assistant", "B"), ("user", "third")]
    made.continue_with("a")
    assert [turn.target for turn in chat.turns] == ["a:m", "a:m"], "a change of mind takes back what came after, too"
    assert chat.turns[-1].answer.blocks[0].text == "A"


def test_running_the_cell_again_compares_with_the_chat_as_it_was_before_it(session, servers):
    with session.open("first", "a", Options(), Origin("one", 1)) as stream:
        stream.result()
    compare(session, "a", "b", prompt="second", cell="two", run=2).continue_with(0)
    with session.open("third", "a", Options(), Origin("three", 3)) as stream:
        stream.result()
    again = compare(session, "a", "b", prompt="second, better", cell="two", run=4)
    assert [content for role, content in sent(servers["b"])[-1] if role == "user"] == ["first", "second, better"]
    assert len(session.chats["default"].turns) == 3, "nothing is dropped before an answer takes its place"
    again.continue_with(1)
    asked = [turn.question.blocks[-1].text for turn in session.chats["default"].turns]
    assert asked == ["first", "second, better"]


def test_other_chats_new_ones_and_none(session, servers):
    with session.open("first", "a") as stream:
        stream.result()
    made = compare(session, "a", "b", prompt="new", new=True)
    assert len(sent(servers["b"])[-1]) == 1
    assert len(session.chats["default"].turns) == 1
    made.continue_with("a")
    assert [turn.question.blocks[-1].text for turn in session.chats["default"].turns] == ["new"]
    alone = compare(session, "a", "b", prompt="alone", alone=True)
    assert len(sent(servers["b"])[-1]) == 1
    assert alone.notes == ()
    alone.continue_with("b", chat="other")
    assert [turn.question.blocks[-1].text for turn in session.chats["other"].turns] == ["alone"]
    alone.continue_with("b")
    assert len(session.chats["default"].turns) == 2
    named = compare(session, "a", "b", prompt="on", chat="other")
    assert len(sent(servers["a"])[-1]) == 3
    assert named.continue_with(0).notes[-1] == "chat other goes on from here"


def test_only_a_whole_answer_with_words_can_go_on(session, servers):
    servers["a"].play(CUT)
    servers["b"].play(good())
    servers["c"].play(good("x"))
    made = compare(session)
    with pytest.raises(UsageError, match="a:m has no whole answer"):
        made.continue_with("a")
    with pytest.raises(UsageError, match="without a word"):
        made.continue_with("b")
    assert session.chats["default"].turns == []
    made.continue_with("c")
    assert len(session.chats["default"].turns) == 1


def test_no_key_is_in_what_a_comparison_holds_or_says(faults):
    key = "sk-CANARY-0123456789-wxyz"
    session = Session(
        folder=NOWHERE,
        environment={"ANTHROPIC_API_KEY": key, "ANTHROPIC_BASE_URL": faults.url, "ANTHROPIC_MODEL": "m"},
    )
    faults.play(failure(401, {"error": {"message": f"bad key {key}"}}), good("fine"))
    made = None
    with session.compare("hi", ["anthropic", "anthropic"]) as asking:
        for _ in asking.batches():
            pass
        made = asking.result()
    session.close()
    assert {seen.header("x-api-key") for seen in faults.seen} == {key}, "it was in use"
    held = [*vars(asking).values(), *(v for lane in asking.lanes for v in vars(lane).values())]
    from xiantong_nb import grid

    assert "wxyz" in repr(held), "the masked key is among it"
    assert "CANARY" not in repr(held) + made.to_json() + repr(grid.bundle(made)) + repr(made.rows())


def test_seconds_count_from_sending_not_from_waiting_for_a_turn(session, servers):
    servers["a"].play([head() + sse(START, BLOCK, text("x")), 0.3, sse(BLOCK_END, *END), CLOSE])
    limited = Lanes(session.compare("hi", ["a", "a"]).lanes, at_once=1)
    begun = time.perf_counter()
    limited.begin()
    for _ in limited.batches():
        pass
    whole = time.perf_counter() - begun
    assert sum(lane.reply.seconds for lane in limited.lanes) < whole
