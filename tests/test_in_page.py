"""What a page that shows widgets is sent while answers come, and what of its buttons a kernel hears meanwhile."""

from __future__ import annotations

import time

import pytest

from tests.conftest import kernel_env
from tests.engines import until
from tests.fault_server import BLOCK, CLOSE, START, FaultServer, failure, head, sse, text
from tests.kernels import Kernel
from tests.sheets import VIEW, Page
from tests.test_painting import HOSTILE, slowly

KEY = "sk-ant-CANARY-0123456789-wxyz"
ENDLESS = [head() + sse(START, BLOCK, text("some ")), 0.3, sse(text("words")), 60.0]
REFUSED = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}}
WIDGETS = "{type(w).__name__ for w in __import__('ipywidgets').widgets.widget._instances.values()}"


@pytest.fixture
def endpoint():
    server = FaultServer()
    yield server
    server.close()


@pytest.fixture
def kernel(endpoint, tmp_path):
    """A kernel whose `anthropic` connection is the fault server."""
    made = Kernel({**kernel_env(tmp_path), "ANTHROPIC_BASE_URL": endpoint.url, "ANTHROPIC_API_KEY": KEY})
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made
    made.stop()


@pytest.fixture
def page(kernel, endpoint):
    """A page that has greeted the kernel, so that the next answer is drawn on a sheet from its first word."""
    made = Page(kernel)
    endpoint.play(slowly(["well"], 1.0))
    for _ in range(10):
        made.run("%%ask --alone\nhi")
        if made.answers:
            break
    assert made.answers == [{"hello": 0}], "the kernel has heard the greeting"
    made.messages.clear()
    made.sheets.clear()
    return made


def words(number: int) -> list[str]:
    return [f"word {at} 🐼 of *many*, " for at in range(number)]


def test_an_answer_goes_to_a_sheet_and_one_output_stays(kernel, page, endpoint):
    said = words(40)
    endpoint.play(slowly(said, 0.03))
    ran = page.run("%%ask --alone\nhi")
    assert ran.status == "ok", ran.text
    assert page.last.text() == "".join(said) == kernel.value("_.text")
    assert len(page.last.messages) >= 4, "it came in pieces"
    assert VIEW in ran.paints()[0]
    assert len(ran.paints()) == 2, "the sheet, and what stays"
    assert set(ran.only_output["data"]) == {"text/markdown", "text/plain"}
    assert page.closes()
    kinds = [m["msg_type"] for m in page.messages]
    assert kinds.index("update_display_data") < kinds.index("comm_close"), "closed only when something else is shown"
    assert "clear_output" not in kinds
    assert kernel.value(WIDGETS) == {"Ear"}


def test_a_page_that_comes_in_the_middle_of_an_answer_takes_over_on_the_same_output(kernel, endpoint):
    page = Page(kernel, greets=False)
    endpoint.play(slowly(words(60), 0.05))

    def greet_late(page: Page) -> None:
        if page.ears and not page.answers and any("display" in m["msg_type"] for m in page.messages):
            page.say({"hello": 0})

    ran = page.run("%%ask --alone\nhi", greet_late)
    paints = [set(paint) for paint in ran.paints()]
    assert paints[0] == {"text/markdown"}
    assert {"text/plain", VIEW} in paints
    assert ran.only_output["data"]["text/plain"].startswith("word 0")
    assert page.last.text() == "".join(words(60)), "from its beginning, on the sheet"


def test_without_a_greeting_everything_is_as_it_was(kernel, endpoint):
    page = Page(kernel, greets=False)
    endpoint.play(slowly(words(10), 0.05))
    ran = page.run("%%ask --alone\nhi")
    assert page.ears, "it was asked"
    assert not page.sheets
    assert all(VIEW not in paint for paint in ran.paints())


def test_a_page_that_was_too_slow_for_the_beginning_is_told_all_of_it_again(kernel, page, endpoint):
    endpoint.play([head() + sse(START, BLOCK, text("some *")), 0.5, sse(text("words*")), CLOSE])
    missed = []

    def miss(page: Page) -> None:
        if page.sheets and not missed and page.last.text() == "some *":
            missed.append(page.last.messages.copy())
            page.last.messages.clear()
            page.say({"hello": page.last.state["number"], "missed": True})

    page.run("%%ask --alone\nhi", miss)
    assert missed
    assert missed[0][0]["first"]
    assert page.last.messages[0]["first"]
    first = page.last.messages[0]["lanes"]["0"]
    assert first["a"], "whatever it has heard meanwhile is void"
    assert first["s"]["state"] == "answering"
    assert page.last.text() == "some *words*"


def test_a_short_answer_is_not_kept_beside_its_sheet(kernel, page, endpoint):
    endpoint.play(slowly(words(20), 0.05))
    ran = page.run("%%ask --alone\nhi", lambda page: page.sheets and page.say({"keep": page.last.state["number"]}))
    assert [set(paint) for paint in ran.paints()] == [{"text/plain", VIEW}, {"text/markdown", "text/plain"}]


def test_who_takes_no_input_is_asked_nothing(kernel, endpoint):
    endpoint.play(slowly(words(10), 0.05))
    ran = kernel.run("%%ask --alone\nhi")
    assert ran.status == "ok"
    assert kernel.value("[m for m in __import__('sys').modules if m in ('anywidget', 'ipywidgets')]") == []
    assert not [m for m in ran.messages if m["msg_type"].startswith("comm")]


def test_other_forms_are_painted_as_they_were(kernel, page, endpoint):
    endpoint.play(slowly(words(10), 0.05))
    ran = page.run("%%ask --alone --as text\nhi")
    assert not page.sheets
    assert set(ran.only_output["data"]) == {"text/plain"}


def test_stop_ends_the_answer_while_its_cell_runs(kernel, page, endpoint):
    endpoint.play(ENDLESS)
    pressed = []

    def press(page: Page) -> None:
        if page.sheets and not pressed and page.last.text() == "some words":
            pressed.append(page.last.state["number"])
            page.say({"hello": pressed[0]})
            page.say({"stop": pressed[0], "lane": 0})

    ran = page.run("%%ask --alone\nhi", press)
    assert page.answers[-1] == {"hello": pressed[0]}, "the page knows that its buttons are heard"
    assert (ran.status, ran.error["ename"]) == ("error", "IncompleteReply"), "what follows in Run All does not run"
    assert "It was stopped." in ran.error["evalue"]
    assert "some words" in ran.outputs[0]["data"]["text/markdown"]
    assert "incomplete: It was stopped." in ran.outputs[0]["data"]["text/plain"]
    assert kernel.value("__import__('xiantong_nb').last().text") == "some words"
    assert until(endpoint.seen[-1].gone.is_set), "the connection was closed, which stops the model"


def test_an_interrupt_leaves_what_came_and_no_sheet(kernel, page, endpoint):
    endpoint.play(ENDLESS)
    done = []

    def interrupt(page: Page) -> None:
        if page.sheets and not done and page.last.text() == "some words":
            done.append(kernel.interrupt())

    ran = page.run("%%ask --alone\nhi", interrupt)
    assert ran.error["ename"] == "KeyboardInterrupt"
    assert set(ran.outputs[0]["data"]) == {"text/markdown", "text/plain"}
    assert "incomplete: interrupted" in ran.outputs[0]["data"]["text/plain"]
    assert page.closes()


def test_a_failure_without_a_word_leaves_no_sheet(kernel, page, endpoint):
    endpoint.play([2.0, *failure(400, REFUSED)])
    ran = page.run("%%ask --alone\nhi")
    assert any(VIEW in paint for paint in ran.paints()), "it was said that it is waited for"
    assert "waiting for the first word" in page.last.status()["said"]
    assert ran.outputs[0]["data"] == {"text/markdown": ""}
    assert ran.error["ename"] != "KeyboardInterrupt"
    assert page.closes()


def test_three_lanes_of_which_one_is_stopped_and_one_fails(kernel, page, endpoint):
    second = FaultServer()
    third = FaultServer()
    try:
        for name, server in (("two", second), ("three", third)):
            made = page.run(f"%xiantong connect {server.url} --name {name} --model m --unsaved --no-test")
            assert made.status == "ok", made.text
        endpoint.play(slowly(words(20), 0.1))
        second.play(ENDLESS)
        third.play([head() + sse(START, BLOCK, text("half")), 0.5, CLOSE])
        stopped = []

        def press(page: Page) -> None:
            if page.sheets and not stopped and page.last.text(1) == "some words":
                stopped.append(page.say({"stop": page.last.state["number"], "lane": 1}))

        ran = page.run("%%ask anthropic:m two three --alone\nhi", press)
        assert ran.status == "ok", ran.text
        sheet = page.last
        assert len(sheet.state["labels"]) == 3
        assert sheet.text(0) == "".join(words(20)), "the others went on"
        assert [sheet.status(at)["state"] for at in range(3)] == ["complete", "incomplete", "incomplete"]
        assert sheet.status(1)["mark"] == "incomplete: It was stopped."
        assert sheet.status(2)["mark"].startswith("incomplete: ")
        assert sheet.messages[-1]["said"] == "1 of 3 finished, 2 incomplete"
        assert set(ran.only_output["data"]) == {"text/html", "text/markdown", "text/plain"}
        assert page.closes()
    finally:
        second.close()
        third.close()


def test_an_answer_that_is_asked_for_again_begins_anew(kernel, page, endpoint):
    """One that did not fit its schema is void, and its text with it."""
    endpoint.play(slowly(["no", " such", " thing"], 0.15), [0.5, *slowly(['{"a"', ": ", "1}"], 0.15)])
    ran = page.run("%%ask --alone --schema dict --as md\nhi")
    assert ran.status == "ok", ran.text
    news = [message["lanes"]["0"] for message in page.last.messages if "0" in message["lanes"]]
    again = [at for at, new in enumerate(news) if new.get("a")]
    assert len(again) == 1
    said = ["".join(new["t"][1] for new in some if "t" in new) for some in (news[: again[0]], news[again[0] :])]
    assert said == ["no such thing", '{"a": 1}']
    assert news[again[0]]["s"]["state"] == "waiting"


def test_reasoning_that_is_not_wanted_is_not_sent(kernel, page, endpoint):
    page.run("%config Xiantong.thinking = False")
    page.run("%%ask demo:toy-3 --alone\nhello")
    for message in page.last.messages:
        assert "k" not in message["lanes"]["0"]
    assert page.last.text().startswith("I have thought it over")


def test_how_often_it_is_painted_is_the_persons_choice(kernel, page, endpoint):
    page.run("%config Xiantong.rate = 1")
    endpoint.play(slowly(words(60), 0.05))
    begun = time.monotonic()
    page.run("%%ask --alone\nhi")
    assert len(page.last.messages) <= (time.monotonic() - begun) + 4


def test_what_is_sent_is_clean_and_holds_no_key(kernel, page, endpoint):
    hostile = HOSTILE + "a\r\nb\x1b[31mred\u202e"
    endpoint.play(slowly([hostile[at : at + 7] for at in range(0, len(hostile), 7)], 0.03))
    page.run("%%ask --alone\nhi")
    sent = page.last.text()
    assert sent.startswith(HOSTILE), "the page makes text nodes of it, so it is what the model wrote"
    assert not set(sent) & set("\r\x1b\u202e")
    assert KEY not in repr(page.messages)
    assert KEY[-8:] not in repr(page.messages)


def test_how_much_is_sent_grows_with_the_answer_and_the_seconds(kernel, page, endpoint):
    """Each piece once, and twice the whole in the end; ten messages a second and a few."""
    said = words(300)
    endpoint.play(slowly(said, 0.01))
    begun = time.monotonic()
    page.run("%%ask --alone\nhi")
    seconds = time.monotonic() - begun
    assert len(page.messages) <= 10 * seconds + 8
    text = "".join(said)
    pieces = [m for m in page.messages if m["msg_type"] == "comm_msg"]
    assert sum(len(news["t"][1]) for m in page.last.messages for news in m["lanes"].values() if "t" in news) == len(
        text
    )
    assert len(pieces) >= 8


def test_closing_all_widgets_costs_a_greeting(kernel, page, endpoint):
    kernel.run("__import__('ipywidgets').Widget.close_all()")
    endpoint.play([1.0, *slowly(words(30), 0.05)])  # no view changes long after the first word
    ran = page.run("%%ask --alone\nhi")
    assert ran.status == "ok"
    assert len(page.ears) == 2
    assert page.last.text() == "".join(words(30))


def test_unloading_leaves_no_widget(kernel, page):
    page.run("%unload_ext xiantong_nb")
    assert until(lambda: kernel.value(WIDGETS) == set())
