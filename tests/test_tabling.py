"""Tables of many prompts: every cell once, errors in their cells, kept and gone on with, within limits and a budget."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import msgspec
import pytest

from tests.conftest import NOWHERE
from tests.endpoints import session_of_three, three_servers  # noqa: F401  # fixtures
from tests.engines import toy_engine, until  # noqa: F401  # a fixture
from tests.fault_server import BLOCK, CLOSE, ENDLESS, START, failure, good, head, sse, text
from xiantong_nb import Comparison, Results, compare, elsewhere, last
from xiantong_nb.connection import Connection
from xiantong_nb.errors import Busy, IncompleteReply, KeyRefused, RequestRefused, StoreBusy, UsageError, XiantongError
from xiantong_nb.ledger import Ledger
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.prompts import prompts_in
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.shape import shape
from xiantong_nb.tabling import Tabling, Terms

SOON = {"retry_after_ms": "20"}


def table(session, prompts, *targets, options=None, data=None, **terms):
    asked = prompts_in(prompts, data)
    options = Options(alone=True, **options or {})
    return Tabling(session, asked, targets or ("a", "b"), options, Terms(**{"progress": False} | terms)).run()


def questions(server):
    """What was asked of a server, in its order."""
    return [seen.json["messages"][0]["content"] for seen in server.seen if seen.body]


def test_every_prompt_is_asked_of_every_target_as_often_as_wanted(session, servers):
    made = table(session, ["one", "two"], repeat=2, options={"system": "Be brief", "temperature": 0.5})
    assert [(c.row, c.prompt, c.target, c.repeat) for c in made] == [
        (row, prompt, target, again)
        for row, prompt in enumerate(["one", "two"]) for target in ("a:m", "b:m") for again in (0, 1)
    ]  # fmt: skip
    assert made.complete
    assert {cell.reply.text for cell in made} == {"yes"}
    for server in (servers["a"], servers["b"]):
        assert Counter(questions(server)) == {"one": 2, "two": 2}
        assert {(seen.json["system"], seen.json["temperature"]) for seen in server.seen} == {("Be brief", 0.5)}
    assert servers["c"].seen == []
    assert session.last is made
    assert len(session.used) == 8


def test_a_template_keeps_its_values(session, servers):
    made = table(session, "Say {word}", "a", data={"word": ["cat", "dog"], "n": [1, 2]})
    assert sorted(questions(servers["a"])) == ["Say cat", "Say dog"]
    assert [(row["word"], row["n"], row["text"]) for row in made.rows()] == [("cat", 1, "yes"), ("dog", 2, "yes")]


def test_errors_stay_in_their_cells(session, servers):
    servers["a"].play(
        failure(400, {"error": {"message": "no"}}),
        good("yes"),
        [head() + sse(START, BLOCK, text("half")), CLOSE],
        good("yes"),
    )
    made = table(session, ["1", "2", "3", "4"], concurrency=1)
    assert [cell.state for cell in made if cell.target == "a:m"] == ["failed", "complete", "incomplete", "complete"]
    assert all(cell.state == "complete" for cell in made if cell.target == "b:m")
    assert [type(cell.error) for cell in made.errors] == [RequestRefused, IncompleteReply]


def test_a_key_that_is_refused_is_not_tried_a_hundred_times(session, servers):
    servers["a"].play(failure(401, {"error": {"message": "no"}}))
    made = table(session, [f"{n}" for n in range(100)])
    assert Counter(type(cell.error) for cell in made if cell.target == "a:m") == {KeyRefused: 100}
    assert all(cell.reply.complete for cell in made if cell.target == "b:m")
    assert len(servers["a"].seen) <= 8, "those that were on their way already"


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"repeat": 0}, "repeat must be"), ({"repeat": "2"}, "repeat must be"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"keep": 5}, "keep is the path"),
        ({"executor": 5}, "executor is one of"),
        ({"score": 5}, "score is a function"), ({"judge_prompt": "{answer}"}, "goes with a judge"),
        ({"score": "a", "judge_prompt": "rate it"}, "no place for the answer"),
        ({"score": "openrouter:x/y"}, "not connected"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_said_before_anything_is_sent(session, servers, terms, says):
    with pytest.raises(UsageError, match=says):
        table(session, ["hi"], **terms)
    for targets, told in (((), "no target"), (("a", "a:m"), "a:m is named twice")):
        with pytest.raises(UsageError, match=told):
            Tabling(session, prompts_in(["hi"]), targets, Options(alone=True), Terms())
    assert servers["a"].accepted == 0


def test_a_prompt_with_a_key_stops_all_before_anything_is_sent(session, servers):
    key = "sk-CANARY-0123456789-wxyz"
    session.here["c"] = Connection("c", PRESETS["custom"], servers["a"].url, "m", key=Secret(key), key_from="x")
    with pytest.raises(UsageError, match="holds the key of c"):
        table(session, ["fine", f"my key is {key}"])
    assert servers["a"].accepted == servers["b"].accepted == 0


# limits


def test_a_busy_endpoint_is_waited_for_and_every_cell_gets_its_answer(session, servers):
    """Of a's answers every second is a 429; nobody is left out, and b does not wait for a."""
    servers["a"].play(*[answer for _ in range(60) for answer in (failure(429, {}, **SOON), good("at last"))])
    made = table(session, [f"{n}" for n in range(20)], "a:one", "a:two", "b")
    assert made.complete
    assert re.search(r"endpoints made questions wait \d+ s in all", " ".join(made.notes))
    first = list(dict.fromkeys((seen.json["model"], seen.json["messages"][0]["content"]) for seen in servers["a"].seen))
    begun = [[model for model, _ in first[:at]] for at in range(len(first))]
    ahead = max(abs(so_far.count("one") - so_far.count("two")) for so_far in begun)
    assert ahead <= 8, "two models of one endpoint go on side by side"
    assert len(servers["b"].seen) == 20


def test_one_that_stays_busy_is_given_up_cell_by_cell(session, servers):
    servers["a"].play(failure(529, {}, **SOON))
    made = table(session, ["1", "2"], concurrency=1)
    assert [type(cell.error) for cell in made.errors] == [Busy, Busy]
    assert len(servers["a"].seen) == 2 * 5 * 3, "five rounds of three each"
    servers["b"].play(failure(429, {}, retry_after="3600"))
    assert [type(cell.error) for cell in table(session, ["1"], "b").errors] == [Busy]
    assert len(servers["b"].seen) == 3, "an hour is not waited for"


def test_of_one_connection_so_many_are_asked_at_once_and_no_more(session, servers):
    servers["a"].play(ENDLESS)
    making = Tabling(
        session, prompts_in([f"{n}" for n in range(20)]), ["a", "b"], Options(alone=True), Terms(progress=False)
    )
    worker = threading.Thread(target=making.run)
    worker.start()
    assert until(lambda: len(servers["a"].seen) == 4 and len(servers["b"].seen) == 20)
    servers["a"].play(good("yes"))
    assert not until(lambda: len(servers["a"].seen) > 4, seconds=0.3)
    servers["a"].drop()
    worker.join(60)
    assert not worker.is_alive()


def test_llmock_approves_of_how_its_limits_are_met(llmock):
    session = Session(folder=NOWHERE, environment={})
    url = llmock.base_url("anthropic")
    key = {"key": Secret("sk-test-CANARY-0123456789-wxyz"), "key_from": "x"}
    session.here["gw"] = Connection("gw", PRESETS["custom"], url, "m", **key)
    llmock.reply("fine")
    llmock.rate_limit(times=8, retry_after=0.5)
    made = table(session, [f"{n}" for n in range(12)], "gw:claude-sonnet-5-5", "gw:claude-haiku-5-5")
    session.close()
    assert made.complete
    assert len(llmock.requests) == 24 + 8
    assert "in all" in made.notes[-1]


# budgets

PRICE = {"prompt": "0.000004", "completion": "0.00002"}
LISTED = failure(200, {"data": [{"id": "m", "pricing": PRICE}]})


@pytest.fixture
def dear(session, servers):
    """A model with a price, $4 and $20 a million tokens, at a server that says what it used."""
    key = {"key": Secret("sk-test-CANARY-0123456789-wxyz"), "key_from": "x"}
    session.here["dear"] = Connection("dear", PRESETS["custom"], servers["a"].url, "m", **key)
    servers["a"].play(LISTED, good("yes"))
    return session


def test_a_budget_is_said_first_and_never_exceeded(dear, servers, capsys):
    prompts = [f"{n}" for n in range(50)]
    made = table(dear, prompts, "dear", options={"budget": 0.25, "max_tokens": 10_000}, progress=True)
    assert "50 questions could cost up to $10.00: asking stops before $0.25 is exceeded" in capsys.readouterr().err
    states = Counter(cell.state for cell in made)
    spent = sum(cell.reply.cost for cell in made if cell.reply)
    assert spent <= 0.25
    assert states["complete"] == 50, "each was set aside at $0.20, and cost next to nothing"
    small = table(dear, prompts, "dear", options={"budget": spent / 10, "max_tokens": 4})
    assert small.notes[-1].endswith("ends there")
    states = Counter(cell.state for cell in small)
    assert 0 < states["complete"] < 50
    assert states["not asked"] == 50 - states["complete"]
    assert sum(cell.reply.cost for cell in small if cell.reply) <= spent / 10


def test_an_answer_whose_repeat_fails_is_paid_once_and_counted(dear, servers):
    """Two askings were set aside for it, so no round may send it again."""
    servers["a"].play(LISTED, good("young"), failure(429, {}, **SOON))
    made = table(dear, ["1"], "dear", options={"budget": 1.0, "max_tokens": 10_000, "schema": shape(int)})
    assert sum(bool(seen.body) for seen in servers["a"].seen) == 4, "the repeat has two more tries, as any question"
    (cell,) = made
    assert (cell.reply.text, cell.reply.unfit) == ("young", "it is not JSON")
    assert cell.reply.cost == pytest.approx((9 * 4 + 3 * 20) / 1e6)
    assert len(dear.used) == 1


def test_an_answer_that_breaks_off_has_no_price_and_counts_as_the_most(dear, servers):
    """How much of it was written is told at its end alone: until then the wire has a placeholder."""
    half = [head() + sse(START, BLOCK, text("half")), CLOSE]
    servers["a"].play(LISTED, half, good("yes"))
    made = table(dear, ["1", "2"], "dear", concurrency=1, options={"budget": 0.3, "max_tokens": 10_000})
    assert [cell.state for cell in made] == ["incomplete", "not asked"]
    assert (made[0].reply.cost, made[0].reply.usage.output_tokens) == (None, 1)
    assert "price unknown" in made[0].reply._repr_mimebundle_()[0]["text/plain"]
    assert dear.used.all.money == "1 of unknown price"
    servers["a"].play(half, good("yes"))
    more = table(dear, ["1", "2"], "dear", concurrency=1, options={"max_tokens": 10_000})
    assert " and more" in str(more.summary()), "the sum is not all"


def test_what_runs_here_is_free_though_it_breaks_off(session, servers):
    session.here["o"] = Connection("o", PRESETS["ollama"], servers["a"].url, "m")
    servers["a"].play([head() + sse(START, BLOCK, text("half")), CLOSE])
    (cell,) = table(session, ["1"], "o")
    assert (cell.state, cell.reply.cost) == ("incomplete", 0.0)


def test_without_a_price_a_budget_is_refused_before_anything_is_asked(session, servers):
    with pytest.raises(UsageError, match="No price of a:m is known"):
        table(session, ["hi"], options={"budget": 1.0})
    assert not questions(servers["b"])


# kept


def test_the_same_call_again_asks_only_what_is_missing(session, servers, tmp_path):
    path = tmp_path / "kept.jsonl"
    servers["a"].play(failure(400, {}), good("first"))
    made = table(session, ["1", "2", "2"], repeat=2, keep=path, concurrency=1)
    assert [cell.state for cell in made].count("failed") == 1
    again = table(session, ["1", "2", "2"], repeat=2, keep=path)
    assert again.complete
    assert "11 answers were in kept.jsonl" in again.notes
    assert len(servers["a"].seen) == 7, "the one that had failed"
    assert len(servers["b"].seen) == 6
    assert again.cells[1:] == made.cells[1:]
    other = table(session, ["1", "3"], "b", keep=path)
    assert other.complete
    assert questions(servers["b"])[6:] == ["3"]
    table(session, ["1"], "b", keep=path, options={"temperature": 0.5})
    table(session, ["1"], "b", keep=path, options={"max_tokens": 7})
    table(session, ["1"], "b", keep=path, options={"system": "x"})
    table(session, ["1"], "b:n", keep=path)
    assert len(servers["b"].seen) == 11, "another option, another model: another question"


def test_what_can_not_be_read_back_is_asked_again(session, servers, tmp_path):
    path = tmp_path / "kept.jsonl"
    table(session, ["1", "2"], "b", keep=path)
    lines = path.read_text().splitlines()
    spoilt = json.loads(lines[1])
    spoilt["reply"]["unheard"] = 1
    path.write_text("\n".join([lines[0], json.dumps(spoilt), lines[2]]) + "\n")
    assert table(session, ["1", "2"], "b", keep=path).complete
    assert len(servers["b"].seen) == 3


def test_a_file_in_use_stops_the_call(session, servers, tmp_path):
    with Ledger(tmp_path / "kept"), pytest.raises(StoreBusy):
        table(session, ["1"], "b", keep=tmp_path / "kept")
    assert servers["b"].accepted == 0


def test_an_interrupt_stops_all_and_keeps_what_came(session, servers, tmp_path):
    servers["a"].play(good("yes"), good("yes"), ENDLESS)
    told = []

    def interrupt():
        told.append(until(lambda: len(servers["a"].seen) == 6 and len(servers["b"].seen) == 50))
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)  # in haste, as by a key that is held down

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        table(session, [f"{n}" for n in range(50)], keep=tmp_path / "kept")
    assert told == [True]
    assert all(seen.gone.wait(10) for seen in servers["a"].seen[2:]), "the connections are closed"
    states = Counter((cell.target, cell.state) for cell in session.last)
    assert states["a:m", "complete"] == 2
    assert states["a:m", "incomplete"] == 4
    assert states["a:m", "not asked"] == 44
    half = next(cell for cell in session.last if cell.state == "incomplete")
    assert half.reply.ended == "interrupted"
    assert half.reply.text in ("", "some words"), "as far as it had come"
    servers["a"].play(good("yes"))
    assert table(session, [f"{n}" for n in range(50)], keep=tmp_path / "kept").complete
    assert len(servers["a"].seen) == 6 + 48


# scores


def test_a_function_scores_and_its_failures_stay_in_their_cells(session):
    made = table(session, ["1", "two", "3"], "a", score=lambda prompt, reply: int(prompt) + len(reply.text))
    assert [cell.score for cell in made] == [4, None, 6]
    assert made[1].unscored.startswith("the scorer failed: ValueError")


def test_a_judge_is_asked_about_every_whole_answer_once(session, servers, tmp_path):
    servers["a"].play(failure(400, {}), good("Paris"))
    servers["b"].play(good("Score: ", "7"))
    terms = {"score": "b", "judge_prompt": "Rate {answer} to {prompt}", "keep": tmp_path / "kept"}
    made = table(session, ["1", "2", "3"], "a", concurrency=1, **terms)
    assert sorted(questions(servers["b"])) == ["Rate Paris to 2", "Rate Paris to 3"]
    assert [cell.score for cell in made] == [None, 7, 7]
    assert [cell.verdict for cell in made] == ["", "Score: 7", "Score: 7"]
    assert (made.judge.target, made.judge.prompt) == ("b:m", "Rate {answer} to {prompt}")
    again = table(session, ["1", "2", "3"], "a", **terms)
    assert [cell.score for cell in again] == [7, 7, 7]
    assert len(servers["b"].seen) == 3, "what was judged is not judged again"
    servers["b"].play(failure(400, {"error": {"message": "no"}}))
    failed = table(session, ["4"], "a", **terms)
    assert failed[0].state == "complete"
    assert failed[0].unscored.startswith("the judge gave none: ")


def test_what_a_judge_says_ends_no_table(session, servers, tmp_path):
    servers["b"].play(good("It is right.\n8\n"), good("9" * 5000))
    none = "the judge gave a number of 5,000 characters"
    for _ in range(2):
        made = table(session, ["one", "two"], "a", score="b", keep=tmp_path / "kept")
        assert {(cell.score, cell.unscored) for cell in made} == {(8, ""), (None, none)}
    assert len(servers["b"].seen) == 2


# executors


def test_a_pool_of_processes_does_the_work_and_no_key_travels(servers, monkeypatch):
    key = "sk-CANARY-0123456789-wxyz"
    for name, value in {"API_KEY": key, "BASE_URL": servers["a"].url, "MODEL": "m"}.items():
        monkeypatch.setenv(f"ANTHROPIC_{name}", value)
    sent = []

    class Watched(ProcessPoolExecutor):
        def submit(self, work, /, *given):
            sent.append(pickle.dumps((work, given)))
            return super().submit(work, *given)

    session = Session()
    servers["a"].play(failure(400, {"error": {"message": f"bad {key}"}}), good("yes"))
    with Watched(2, mp_context=get_context("spawn")) as pool:
        made = table(
            session, [f"{n}" for n in range(40)], "anthropic", executor=pool, score=lambda p, r: len(p + r.text)
        )
    session.close()
    assert Counter(cell.state for cell in made) == {"complete": 39, "failed": 1}
    assert Counter(questions(servers["a"])) == {f"{n}": 1 for n in range(40)}
    assert {seen.header("x-api-key") for seen in servers["a"].seen} == {key}, "it was in use"
    assert made[0].score in (4, None)
    assert isinstance(made.errors[0].error, RequestRefused)
    assert len(sent) == 3
    assert all(b"anthropic:m" in payload for payload in sent)
    assert not any(key.encode() in payload for payload in (*sent, pickle.dumps(made)))
    assert session.last is made
    assert len(session.used) == 39


def test_a_worker_that_fails_or_lacks_the_connection_fails_its_cells(session, servers):
    with ThreadPoolExecutor(1) as pool:
        pool.shutdown()
        with pytest.raises(RuntimeError):
            table(session, ["1"], executor=pool)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        made = table(session, ["1", "2"], "a", executor=pool)
    assert [type(cell.error) for cell in made] == [UsageError, UsageError] or all(
        isinstance(cell.error, XiantongError) for cell in made
    )
    assert servers["a"].accepted == 0, "the connection is this process's own"


class Dying(ProcessPoolExecutor):
    """A pool whose only worker dies of its first work."""

    def __init__(self):
        super().__init__(1, mp_context=get_context("spawn"))

    def submit(self, _work, /, *_given):
        return super().submit(os._exit, 1)


def test_a_worker_that_dies_fails_its_cells_and_those_that_come_after(dear):
    for options in ({}, {"budget": 0.5, "max_tokens": 10_000}):  # a budget has two asked at once
        with Dying() as pool:
            made = table(dear, ["1", "2", "3", "4", "5"], "dear", executor=pool, options=options)
        assert len(made.errors) == 5
        assert all("A worker of the executor failed (BrokenProcessPool" in cell.error.message for cell in made)
        assert dear.last is made


def test_batches_go_on_from_what_is_kept(servers, monkeypatch, tmp_path):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-CANARY-0123456789-wxyz")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", servers["b"].url)
    monkeypatch.setattr(elsewhere, "_own", [])
    session = Session()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            made = table(session, [f"{n}" for n in range(20)], "anthropic:m", executor=pool, keep=tmp_path / "kept")
            assert made.complete
    session.close()
    elsewhere._own[0].close()
    assert len(servers["b"].seen) == 20


# the front door


def test_the_front_door_tells_tables_from_comparisons(capsys):
    toys = ["demo:toy-1", "demo:toy-2"]
    assert isinstance(compare("Hello", toys), Comparison)
    made = compare(["Hello", "code"], toys, max_tokens=20)
    assert isinstance(made, Results)
    assert last() is made
    bar = capsys.readouterr().err
    assert "4/4" in bar
    for more in ({"repeat": 2}, {"score": len_of}, {"data": {"x": ["a"]}}, {"concurrency": 1}):
        one = compare("Say {x}" if "data" in more else "Hello", "demo:toy-1", progress=False, **more)
        assert isinstance(one, Results)
    assert capsys.readouterr().err == ""
    with pytest.raises(UsageError, match="stand alone"):
        compare(["Hello"], toys, chat="mine")
    with pytest.raises(UsageError, match="no option 'colour'"):
        compare(["Hello"], toys, colour="red")


def len_of(_prompt, reply):
    return len(reply.text)


def test_the_bar_is_painted_by_the_caller_s_thread_alone(engine):
    """tqdm has a thread that repaints slow bars, into whichever cell runs then."""
    painters = set()

    class Watched:
        def write(self, text):
            painters.add(threading.current_thread())
            return len(text)

        def flush(self):
            painters.add(threading.current_thread())

    session = Session(engine_url=lambda: engine.base_url)
    held, sys.stderr = sys.stderr, Watched()
    try:
        table(session, ["Hello", "long", "code"] * 5, "demo:toy-1", progress=True)
    finally:
        sys.stderr = held
    session.close()
    assert painters == {threading.current_thread()}
    assert not [thread for thread in threading.enumerate() if "TMonitor" in type(thread).__name__]


# schemas


def test_an_answer_of_a_schema_is_kept_as_its_text_and_read_again(session, servers, tmp_path):
    class Town(msgspec.Struct):
        name: str

    servers["b"].play(good('{"name": "Paris"}'))
    terms = {"keep": tmp_path / "kept", "options": {"schema": shape(Town)}}
    for _ in range(2):
        made = table(session, ["capital?"], "b", **terms)
        assert made[0].reply.data == Town("Paris")
    assert len(servers["b"].seen) == 1
    assert json.loads(made.to_json())["cells"][0]["reply"]["data"] == {"name": "Paris"}
    table(session, ["capital?"], "b", keep=tmp_path / "kept")
    assert len(servers["b"].seen) == 2, "without a schema it is another question"
    with ThreadPoolExecutor(1) as pool, pytest.raises(UsageError, match="schema can't be sent"):
        table(session, ["capital?"], "b", executor=pool, options={"schema": shape(Town)})


# in a kernel


def test_in_a_kernel_a_table_stops_at_an_interrupt_and_goes_on_from_there(fresh_kernel, tmp_path):
    kernel, path = fresh_kernel, tmp_path / "kept.jsonl"
    kernel.run("from xiantong_nb import compare, last")
    call = (
        f"compare(['hello'] * 6 + ['endless'] * 6, 'demo:toy-1', max_tokens=500_000, keep={str(path)!r}, concurrency=8)"
    )
    request = kernel.send(call)
    assert until(lambda: path.exists() and path.read_text().count("\n") == 7)
    kernel.interrupt()
    ran = kernel.wait(request)
    assert ran.error["ename"] == "KeyboardInterrupt"
    states = kernel.value("[cell.state for cell in last()]")
    assert states[:6] == ["complete"] * 6
    assert set(states[6:]) <= {"incomplete", "not asked"}
    ran = kernel.run(call.replace(" + ['endless'] * 6", ""))
    assert "6 answers were in kept.jsonl" in ran.text
    assert "6/6" in ran.text
    assert "6 of 6" in ran.outputs[-1]["data"]["text/markdown"]
