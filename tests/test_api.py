"""The Python functions, as they are imported from the package."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import xiantong_nb
from tests.fault_server import BLOCK, CLOSE, ENDLESS, START, failure, good, head, sse, text
from xiantong_nb import IncompleteReply, KeyRefused, UsageError, aask, ask, connections, dry_run, last, stream
from xiantong_nb.api import session
from xiantong_nb.events import TextDelta

KEY = "sk-CANARY-0123456789-wxyz"


@pytest.fixture(autouse=True)
def fresh(faults, monkeypatch):
    """The process's own session, asking the fault server, with nothing kept from other tests."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", faults.url)
    monkeypatch.setenv("ANTHROPIC_MODEL", "m")
    session().chats.clear()
    session().last = None
    yield
    session().chosen = ""
    session().close()


def test_ask(faults):
    faults.play(good("Hello"))
    reply = ask("hi", stop="END", max_tokens=5)
    assert reply.text == "Hello"
    assert last() is reply
    assert faults.seen[0].json["stop_sequences"] == ["END"]
    assert "anthropic" in connections()


def test_a_question_stands_alone_unless_a_chat_is_named(faults):
    faults.play(good("x"))
    ask("one")
    ask("two")
    ask("three", chat="c")
    ask("four", chat="c", stop=["a", "b"])
    assert [len(s.json["messages"]) for s in faults.seen] == [1, 1, 1, 3]


def test_no_target_is_the_one_in_use(faults):
    faults.play(good("x"))
    assert ask("hi", None).connection == ask("hi").connection == "anthropic"
    with stream("hi", None) as under_way, session().open("hi", None) as same:
        assert under_way.result().text == same.result().text == "x"
    assert asyncio.run(aask("hi", None)).text == "x"
    assert dry_run("hi", None).target == "anthropic:m"


@pytest.mark.parametrize("several", [False, True])
def test_an_array_is_an_image(faults, several):
    faults.play(good("x"))
    array = np.zeros((4, 6, 3), "uint8")
    ask("what is it?", image=[array, array] if several else array)
    blocks = faults.seen[-1].json["messages"][0]["content"]
    assert [block["type"] for block in blocks] == ["image"] * (1 + several) + ["text"]


@pytest.mark.parametrize("nothing", [None, "", [], ()])
def test_no_image_and_no_file_are_none(faults, nothing):
    faults.play(good("x"))
    ask("hi", image=nothing, file=nothing, stop=nothing)
    assert faults.seen[0].json["messages"] == [{"role": "user", "content": "hi"}]


def test_stream(faults):
    faults.play(good("Hel", "lo"))
    with stream("hi") as events:
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Hello"
    assert events.result().complete


@pytest.mark.parametrize(
    ("options", "says"), [({"max_token": 5}, "max_tokens"), ({"max_tokens": 0}, "from 1"), ({"chat": ""}, "name")]
)
def test_wrong_options_are_explained(options, says):
    with pytest.raises(UsageError) as caught:
        ask("hi", **options)
    assert says in str(caught.value)


def test_aask_many_at_once(faults):
    faults.play(good("Hello"))

    async def all_of_them():
        return await asyncio.gather(*(aask(f"q{n}") for n in range(20)))

    assert [r.text for r in asyncio.run(all_of_them())] == ["Hello"] * 20
    assert len(faults.seen) == 20


def test_aask_leaves_the_callers_loop_free(faults):
    faults.play([head() + sse(START, BLOCK, text("x")), 0.3, CLOSE])

    async def work() -> int:
        task, ticks = asyncio.create_task(aask("hi")), 0
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        with pytest.raises(IncompleteReply):
            task.result()
        return ticks

    assert asyncio.run(work()) > 3


def test_cancelling_aask_stops_the_model(faults):
    faults.play(ENDLESS)

    async def work() -> None:
        task = asyncio.create_task(aask("hi"))
        while not faults.seen:  # noqa: ASYNC110  # the server is in another thread
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    assert faults.seen[0].gone.wait(10)
    assert last().text == "some words"


def test_aask_raises_the_endpoints_error(faults):
    faults.play(failure(401, {}))
    with pytest.raises(KeyRefused) as caught:
        asyncio.run(aask("hi"))
    assert caught.value.__cause__ is None


def test_every_name_of_the_package_is_there():
    for name in xiantong_nb.__all__:
        assert getattr(xiantong_nb, name) is not None
    with pytest.raises(AttributeError):
        xiantong_nb.nothing  # noqa: B018
    assert dir(xiantong_nb) == sorted(xiantong_nb.__all__)


def test_connecting_from_python_asks_only_for_the_key(faults, tmp_path, monkeypatch):
    monkeypatch.setenv("XIANTONG_HOME", str(tmp_path / "xiantong"))
    monkeypatch.setattr("getpass.getpass", lambda _: f" {KEY}\n")
    faults.play(good("hello"))
    made = xiantong_nb.connect("custom", base_url=faults.url, model="m", name="mine", ask_key=True)
    assert (made.slug, made.default_model) == ("mine", "m")
    assert faults.seen[0].header("authorization") == f"Bearer {KEY}"
    assert xiantong_nb.connections()["mine"].saved
    with pytest.raises(UsageError, match="needs a base URL"):
        xiantong_nb.connect("custom")
    with pytest.raises(UsageError, match="no option 'key'"):
        xiantong_nb.connect("anthropic", key=KEY)
    faults.play(failure(401, {}))
    with pytest.raises(KeyRefused):
        xiantong_nb.connect("custom", base_url=faults.url, model="m", name="other", ask_key=True)
    assert "other" not in xiantong_nb.connections()


def test_options_of_connecting_are_those_of_the_line(faults, tmp_path, monkeypatch):
    monkeypatch.setenv("XIANTONG_HOME", str(tmp_path / "xiantong"))
    monkeypatch.setenv("GW_KEY", KEY)
    asked = {"base_url": faults.url, "model": "m", "key_env": "GW_KEY", "no_test": True}
    made = xiantong_nb.connect("custom", name="seeing", images=True, auth_header="x-api-key", **asked)
    assert (made.images, made.all_images, made.key_from, made.auth_header) == ({"m": True}, None, "GW_KEY", "x-api-key")
    assert xiantong_nb.connect("custom", name="all", images="all", **asked).all_images is True
    assert xiantong_nb.connect("custom", name="blind", images=False, **asked).all_images is False
    assert faults.seen == []
    before = sorted(xiantong_nb.connections())
    for wrong in ({"auth_header": "Bearer"}, {"images": "bogus"}, {"notes": "x"}):
        with pytest.raises(UsageError):
            xiantong_nb.connect("custom", name="wrong", **asked, **wrong)
    with pytest.raises(UsageError, match="no option 'notes'"):
        ask("hi", notes=("x",))
    assert sorted(xiantong_nb.connections()) == before, "what is refused is not written"
