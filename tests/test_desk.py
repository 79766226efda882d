"""The desk behind a form: whatever a page sends is answered once, and what it asks is done as by the magics."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest

from tests.engines import until
from tests.fault_server import CLOSE, failure, good, head
from tests.pages import drafted
from xiantong_nb import slips
from xiantong_nb.clerk import Clerk, Times
from xiantong_nb.connection import PROMPT
from xiantong_nb.desk import Desk
from xiantong_nb.engine import Engine
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.ticket import Ticket

KEY, WRONG = "sk-CANARY-0123456789-wxyz", "sk-WRONG-0123456789-abcd"
SHAPED = "sk-ant-api03-" + "Ab1_" * 12


class Front:
    """A page's side of a desk."""

    def __init__(self, session, **times):
        self.session = session
        self.heard: list[dict] = []
        greeting = {"instance": "one", "kernel": "k"}
        self.desk = Desk(session, self.heard.append, greeting=greeting, times=Times(**times))
        self._ids = itertools.count(1)

    def send(self, kind, **content):
        number = next(self._ids)
        self.desk.take({"v": 1, "id": number, "type": kind, **content})
        return number

    def told(self, number, kind=None):
        return [m for m in self.heard if m.get("re") == number and (kind is None or m["type"] == kind)]

    def answer(self, number):
        def come():
            return [m for m in self.told(number) if m["type"] != "progress"]

        assert until(come), "no answer"
        (answer,) = come()
        return answer

    def ask(self, kind, **content):
        return self.answer(self.send(kind, **content))


@pytest.fixture(scope="module")
def locked():
    """An engine that wants a key."""
    with Engine.start(api_key=KEY) as running:
        yield running


@pytest.fixture
def session(tmp_path):
    made = Session(folder=tmp_path / "xiantong", environment={"HOME": str(tmp_path)})
    yield made
    made.close()


@pytest.fixture
def front(session):
    made = Front(session)
    yield made
    made.desk.close()


def mine(url, **said):
    return drafted(**{"preset": "custom", "base_url": url, "name": "mine", "model": "toy-1", "ask_key": True, **said})


def connected(front, url, **said):
    tested = front.send("test", draft=mine(url, **said), api_key=KEY)
    assert front.answer(tested)["ok"]
    assert front.ask("save", draft=mine(url, **said), of=tested)["ok"]


def test_hello_tells_who_answers_and_what_there_is(front):
    told = front.ask("hello")
    assert (told["type"], told["v"], told["instance"], told["kernel"]) == ("hello_ok", 1, "one", "k")
    state = told["state"]
    assert [row["slug"] for row in state["presets"]] == ["anthropic", "openrouter", "vercel", "ollama", "custom"]
    assert [row["slug"] for row in state["connections"]] == ["demo"]
    assert (state["target"], state["can_save"], state["where"], state["fault"]) == ("", True, "~/xiantong", "")
    assert json.loads(json.dumps(told)) == told


def test_a_test_then_a_save_connects_and_the_key_is_never_told(front, session, locked):
    number = front.send("test", draft=mine(locked.base_url), api_key=KEY)
    passed = front.answer(number)
    assert (passed["ok"], passed["target"], passed["key"]) == (True, "mine:toy-1", "…wxyz")
    assert [m["stage"] for m in front.told(number, "progress")] == [stage["name"] for stage in passed["stages"]]
    assert session.store.connections() == {}, "a test saves nothing"
    saved = front.ask("save", draft=mine(locked.base_url), of=number)
    assert (saved["type"], saved["slug"], saved["key"]) == ("saved", "mine", "…wxyz")
    assert (saved["where"], saved["only_here"]) == ("~/xiantong", False)
    (row,) = [row for row in saved["state"]["connections"] if row["saved"]]
    assert (row["default"], row["key"], row["key_from"]) == (True, "…wxyz", "credentials.enc")
    assert (saved["state"]["target"], session.connections()["mine"].key) == ("mine:toy-1", Secret(KEY))
    assert KEY not in json.dumps(front.heard)
    assert len(front.told(number)) == 1 + len(front.told(number, "progress"))


def test_the_key_is_out_of_the_message_at_once(front, locked):
    message = {"v": 1, "id": 7, "type": "test", "draft": mine(locked.base_url), "api_key": KEY}
    front.desk.take(message)
    assert "api_key" not in message
    assert front.answer(7)["ok"]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"type": "nonsense"}, "at type"),
        ({"type": "hello", "v": 2}, "at v"),
        ({"type": "hello", "more": 1}, "know"),
        ({"type": "check"}, "know"),
        ({"type": "check", "draft": {"models": "x"}}, "at draft"),
        ({"type": "check", "draft": {"model": 5}}, "at draft.model"),
        ({"type": "check", "draft": {"model": "m" * 2001}}, "at draft.model"),
        ({"type": "check", "draft": {"api": "sk-CANARY"}}, "at draft.api"),
        ({"type": "check", "draft": {"model": "\ud800"}}, ""),
        ({"type": "use", "target": None}, "at target"),
        ({"type": "hello", "api_key": KEY}, "a key where none belongs"),
        ({"type": "use", "target": "demo", "api_key": KEY}, "a key where none belongs"),
        ({"type": "test"}, "of a draft, or of a saved"),
        ({"type": "test", "slug": "x", "draft": drafted()}, "of a draft, or of a saved"),
        ({"type": "test", "slug": "nothing"}, "Nothing connected yet"),
        ({"type": "save", "draft": drafted(slug="nothing")}, "not a saved connection"),
        ({"type": "use", "target": "openrouter"}, "not connected"),
        ({"type": "use", "target": "demo", "default": True}, "not saved"),
        ({"type": "remove", "slug": "demo"}, "not a saved connection"),
        ({"type": "rename", "slug": "demo", "name": "x"}, "not a saved connection"),
        ({"type": "rename", "slug": "demo", "name": " "}, "A name is needed"),
    ],
)
def test_what_can_not_be_done_is_answered_once_and_quotes_nothing(front, session, message, says):
    front.desk.take({"v": 1, "id": "a", **message})
    told = front.answer("a")
    if told["type"] == "checked":
        told = told["problem"]
    assert says in told["message"]
    assert told.get("kind", "check") == "check"
    assert "CANARY" not in json.dumps(front.heard)
    assert not session.store.folder.exists()


@pytest.mark.parametrize("message", [None, 5, [], "hello", {}, {"id": None}, {"id": -1}, {"id": "x" * 65}, {"id": {}}])
def test_what_has_no_id_is_not_answered(front, message):
    front.desk.take(message)
    assert front.ask("hello")["type"] == "hello_ok"
    assert len(front.heard) == 1


@pytest.mark.parametrize("field", ["preset", "base_url", "name", "model", "key_variable"])
@pytest.mark.parametrize("text", [SHAPED, "a\x1b[2J", "\u202eabc", "a\nb"])
def test_a_key_in_another_field_and_what_can_not_be_seen_go_nowhere(front, faults, session, field, text):
    draft = mine(faults.url) | {field: text}
    checked = front.ask("check", draft=draft)
    assert checked["problem"]["field"] == {"key_variable": "key"}.get(field, field)
    assert checked["url"] == ""
    for kind in ("test", "models", "save"):
        assert front.ask(kind, draft=draft, **({"untested": True} if kind == "save" else {}))["ok"] is False
    assert faults.seen == []
    assert SHAPED not in json.dumps(front.heard)
    assert not session.store.folder.exists()


@pytest.mark.parametrize(
    "typed", ["a b", "sk-\x00CANARY", "é" * 20, "your-api-key", "x" * 20_000, 5, ["x"], "https://x.y"]
)
def test_what_is_no_key_is_said_at_its_field_and_not_sent(front, faults, typed):
    told = front.ask("test", draft=mine(faults.url), api_key=typed)
    assert (told["ok"], told["kind"], told["field"]) == (False, "check", "key")
    assert told["hint"]
    assert faults.seen == []
    assert "CANARY" not in json.dumps(front.heard)


def test_what_comes_along_with_a_key_is_taken_off_and_said(front, locked):
    told = front.ask("test", draft=mine(locked.base_url), api_key=f' Bearer "{KEY}"\n')
    assert told["ok"]
    assert any("quotes" in note for note in told["notes"])


@pytest.mark.parametrize(
    ("answer", "kind", "field"),
    [
        (failure(401, {}), "bad_key", "key"),
        (failure(403, {}), "forbidden", "key"),
        (failure(402, {}), "no_credit", ""),
        (failure(404, b"404 page not found"), "wrong_url", "base_url"),
        (failure(405, {}), "wrong_url", "base_url"),
        (failure(404, {"error": {"type": "not_found_error", "message": "model: toy-1"}}), "model_missing", "model"),
        (failure(307, {}, location="https://elsewhere.example/"), "wrong_url", "base_url"),
        (failure(200, b"<html>"), "bad_reply", "base_url"),
        (failure(400, {}), "bad_reply", ""),
        ([head(), CLOSE], "bad_reply", "base_url"),
    ],
)
def test_each_failure_has_its_kind_and_field(front, faults, answer, kind, field):
    faults.play(answer)
    told = front.ask("test", draft=mine(faults.url), api_key=KEY)
    assert (told["ok"], told["kind"], told["field"]) == (False, kind, field)
    assert told["message"]
    assert told["url"] == f"{faults.url}/v1/messages"
    assert told["where"].startswith("mine:toy-1 at ")


@pytest.mark.parametrize(
    ("draft", "kind"),
    [
        (mine("http://127.0.0.1:1"), "refused"),
        (mine("http://nowhere.invalid", allow_http=True), "dns"),
        (mine("https://127.0.0.1:1"), "refused"),
    ],
)
def test_what_is_not_reached_has_its_kind(front, draft, kind):
    assert front.ask("test", draft=draft, api_key=KEY)["kind"] == kind


def test_a_server_that_wants_a_key_and_gets_none(front, locked):
    told = front.ask("test", draft=mine(locked.base_url, ask_key=False))
    assert (told["kind"], told["field"]) == ("no_key", "key")
    told = front.ask("test", draft=drafted(preset="openrouter"))
    assert (told["kind"], told["field"], told["stages"]) == ("no_key", "key", [])
    assert "openrouter.ai/keys" in told["hint"]


def test_another_way_that_works_is_offered_as_a_draft(front, faults):
    faults.play(failure(401, {}), good("x"), good("x"))
    draft = mine(faults.url)
    number = front.send("test", draft=draft, api_key=KEY)
    told = front.answer(number)
    assert told["instead"]["options"] == "--auth-header x-api-key"
    other = told["instead"]["draft"]
    assert other == {"auth_header": "x-api-key", "api": "anthropic-messages", "base_url": faults.url}
    assert front.ask("test", draft=draft | other, of=number)["ok"]
    assert faults.seen[-1].header("x-api-key") == KEY


def test_the_key_of_a_test_is_used_again_at_its_endpoint_only(front, faults, locked):
    faults.play(failure(401, {}))
    wrong_model = front.send("test", draft=mine(locked.base_url, model="none"), api_key=KEY)
    assert front.answer(wrong_model)["kind"] == "model_missing"
    elsewhere = front.ask("test", draft=mine(faults.url), of=wrong_model)
    assert (elsewhere["kind"], faults.seen) == ("no_key", [])
    again = front.send("test", draft=mine(locked.base_url, model="none"), api_key=KEY)
    front.answer(again)
    right = front.send("test", draft=mine(locked.base_url), of=again)
    assert front.answer(right)["ok"]
    assert front.ask("save", draft=mine(locked.base_url), of=right)["ok"]


def test_a_failed_test_is_saved_only_when_that_is_wanted(front, session, faults):
    faults.play(failure(401, {}))
    number = front.send("test", draft=mine(faults.url), api_key=KEY)
    front.answer(number)
    refused = front.ask("save", draft=mine(faults.url), of=number)
    assert (refused["ok"], refused["kind"]) == (False, "check")
    assert not session.store.folder.exists()
    assert front.ask("save", draft=mine(faults.url), of=number, untested=True)["ok"]
    made = session.connections()["mine"]
    assert (made.key, made.last_used) == (Secret(KEY), None)


def test_a_draft_that_differs_from_the_tested_one_is_not_saved(front, session, locked):
    number = front.send("test", draft=mine(locked.base_url), api_key=KEY)
    assert front.answer(number)["ok"]
    assert front.ask("save", draft=mine(locked.base_url, model="toy-2"), of=number)["kind"] == "check"
    assert session.store.connections() == {}


def test_an_old_key_is_forgotten(session, locked):
    front = Front(session, kept=-1.0)
    number = front.send("test", draft=mine(locked.base_url), api_key=KEY)
    front.answer(number)
    front.desk.look(changed=False)
    told = front.ask("save", draft=mine(locked.base_url), of=number)
    assert (told["ok"], told["kind"]) == (False, "no_key")


def test_a_cancelled_test_is_answered_at_once_and_its_connection_closed(front, faults):
    faults.play([60.0, CLOSE])
    number = front.send("test", draft=mine(faults.url), api_key=KEY)
    assert until(lambda: faults.seen)
    stopped = front.send("cancel", of=number)
    assert front.answer(stopped)["type"] == "cancelled"
    assert (front.answer(number)["kind"], front.answer(number)["ok"]) == ("cancelled", False)
    assert faults.seen[0].gone.wait(30), "the endpoint sees that nobody waits any more"
    assert front.ask("save", draft=mine(faults.url), of=number)["kind"] == "no_key"
    assert until(lambda: not [t for t in threading.enumerate() if t.name == "xiantong-errand"])
    assert len(faults.seen) == 1, "what was cancelled tries nothing else"


def test_cancel_of_what_is_over_or_never_was_does_no_harm(front):
    assert front.ask("cancel", of=99)["type"] == "cancelled"
    done = front.send("hello")
    front.answer(done)
    assert front.ask("cancel", of=done)["type"] == "cancelled"
    assert len(front.told(done)) == 1


def test_a_test_ends_by_itself(session, faults):
    front = Front(session, local=0.3)
    faults.play([60.0, CLOSE])
    told = front.ask("test", draft=mine(faults.url), api_key=KEY)
    assert (told["kind"], told["ok"]) == ("timeout", False)
    assert faults.seen[0].gone.wait(30)


def test_a_list_ends_by_itself(session, faults):
    front = Front(session, errand=0.3)
    faults.play([60.0, CLOSE])
    assert front.ask("models", draft=mine(faults.url), api_key=KEY)["kind"] == "timeout"


def test_a_few_at_once_and_no_more(front, faults):
    faults.play([60.0, CLOSE])
    begun = [front.send("test", draft=mine(faults.url), api_key=KEY) for _ in range(4)]
    told = front.ask("test", draft=mine(faults.url), api_key=KEY)
    assert "Too many" in told["message"]
    assert front.ask("hello")["type"] == "hello_ok", "what is short is still done"
    for number in begun:
        front.send("cancel", of=number)
        assert front.answer(number)["kind"] == "cancelled"
    assert until(lambda: not [t for t in threading.enumerate() if t.name == "xiantong-errand"])


def test_messages_from_many_threads_are_each_answered_once(front):
    def ask(first):
        for number in range(first, first + 10):
            front.desk.take({"v": 1, "id": number, "type": "hello" if number % 2 else "reload"})

    threads = [threading.Thread(target=ask, args=[1000 * n]) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert until(lambda: len(front.heard) == 60)
    assert len({m["re"] for m in front.heard}) == 60


def test_after_the_end_nothing_is_said_and_nothing_kept(front, faults):
    faults.play([60.0, CLOSE])
    front.send("test", draft=mine(faults.url), api_key=KEY)
    assert until(lambda: faults.seen)
    front.desk.close()
    assert faults.seen[0].gone.wait(30)
    front.send("hello")
    assert until(lambda: not [t for t in threading.enumerate() if t.name in ("xiantong-errand", "xiantong-desk")])
    assert front.heard == []


def test_a_draft_is_checked_without_asking_anybody(front, faults, session):
    def check(**said):
        return front.ask("check", draft=drafted(**said))

    empty = check()
    assert (empty["problem"]["field"], empty["problem"]["hint"], empty["url"]) == ("preset", "", "")
    known = check(preset="openrouter")
    assert (known["url"], known["key"]) == ("https://openrouter.ai/api/v1/messages", "needed")
    assert (known["name"], known["slug"], known["model"]) == ("OpenRouter", "openrouter", "sonnet")
    assert (known["problem"]["field"], known["problem"]["missing"]) == ("key", True)
    assert "--key-env" not in known["problem"]["hint"]
    assert check(preset="ollama")["key"] == "none"
    assert check(preset="custom", base_url=faults.url, model="m")["key"] == "optional"
    assert check(preset="custom", base_url=faults.url, model="m", ask_key=True)["key"] == "needed"
    assert check(preset="custom", base_url=faults.url, model="m", no_key=True)["key"] == "none"
    assert check(preset="custom")["problem"]["field"] == "base_url"
    known = check(preset="custom", base_url="https://openrouter.ai/api/v1")
    assert (known["preset"], known["problem"]["field"]) == ("openrouter", "key")
    chat = check(preset="custom", base_url="https://gw.example/v1/chat/completions", model="m")
    assert (chat["wire"], chat["url"]) == ("openai-completions", "https://gw.example/v1/chat/completions")
    clear = check(preset="custom", base_url="http://gw.example", model="m", key_variable="HOME")
    assert (clear["problem"]["field"], clear["problem"]["missing"]) == ("base_url", False)
    assert faults.seen == []
    assert not session.store.folder.exists()


def test_settings_begin_as_what_is_saved_and_keep_the_key(front, session, locked):
    connected(front, locked.base_url)
    (row,) = [row for row in front.ask("reload")["state"]["connections"] if row["slug"] == "mine"]
    draft = row["draft"]
    assert (draft["slug"], draft["model"], draft["base_url"]) == ("mine", "toy-1", locked.base_url)
    checked = front.ask("check", draft=draft)
    assert (checked["key"], checked["problem"]) == ("kept", None)
    changed = draft | {"model": "toy-3", "name": "Renamed", "images": "all"}
    number = front.send("test", draft=changed)
    assert front.answer(number)["ok"]
    saved = front.ask("save", draft=changed, of=number)
    assert (saved["slug"], saved["target"]) == ("mine", "mine:toy-3")
    made = session.connections()["mine"]
    assert (made.name, made.default_model, made.all_images, made.key) == ("Renamed", "toy-3", True, Secret(KEY))
    wrong = front.ask("test", draft=draft, api_key=WRONG)
    assert wrong["kind"] == "bad_key"
    assert session.connections()["mine"].key == Secret(KEY)
    moved = front.ask("check", draft=draft | {"base_url": "https://elsewhere.example"})
    assert (moved["key"], moved["problem"]["field"]) == ("needed", "key")


def test_an_edited_connection_is_asked_only_if_it_was_in_use(front, session, locked):
    connected(front, locked.base_url)
    connected(front, locked.base_url, name="other")
    assert session.chosen == "other:toy-1"
    draft = front.ask("reload")["state"]["connections"][0]["draft"] | {"model": "toy-2"}
    assert draft["slug"] == "mine"
    number = front.send("test", draft=draft)
    assert front.answer(number)["ok"]
    assert front.ask("save", draft=draft, of=number)["state"]["target"] == "other:toy-1"


def test_use_default_rename_and_remove(front, session, locked):
    connected(front, locked.base_url)
    connected(front, locked.base_url, name="other")
    state = front.ask("use", target="mine:toy-2", default=True)["state"]
    assert state["target"] == "mine:toy-2"
    assert [row["slug"] for row in state["connections"] if row["default"]] == ["mine"]
    assert session.connections()["mine"].default_model == "toy-2"
    assert front.ask("use", target="demo", default=False)["state"]["target"] == "demo:toy-1"
    renamed = front.ask("rename", slug="mine", name=" Mein سلام ")["state"]["connections"]
    assert "Mein سلام" in [row["name"] for row in renamed]
    left = front.ask("remove", slug="mine")["state"]
    assert [row["slug"] for row in left["connections"]] == ["other", "demo"]
    assert list(session.store.keys()) == ["other"]


def test_a_saved_connection_is_tested_as_it_is_and_that_is_noted(front, session, locked):
    number = front.send("test", draft=mine(locked.base_url), api_key=KEY)
    front.answer(number)
    front.ask("save", draft=mine(locked.base_url), of=number, untested=True)
    before = session.connections()["mine"].last_used
    told = front.ask("test", slug="mine")
    assert (told["ok"], told["target"], told["instead"]) == (True, "mine:toy-1", None)
    assert session.connections()["mine"].last_used > before
    assert front.ask("test", slug="demo")["ok"]


def test_models_are_listed_with_or_without_a_model_in_the_draft(front, locked, faults):
    told = front.ask("models", draft=mine(locked.base_url, model=""), api_key=KEY)
    assert [model["id"] for model in told["models"]] == ["toy-1", "toy-2", "toy-3"]
    assert (told["ok"], told["source"], told["ollama"]) == (True, "Listed just now.", None)
    told = front.ask("models", draft=mine(locked.base_url, name="other"), api_key=WRONG)
    assert (told["ok"], told["kind"], told["models"]) == (False, "bad_key", [])
    faults.play(failure(404, b"404 page not found"))
    assert front.ask("models", draft=mine(faults.url), api_key=KEY)["kind"] == "no_model_list"
    assert front.ask("models", draft=drafted(preset="openrouter"))["kind"] == "no_key"


def test_of_ollama_is_told_whether_it_runs_and_how_old_it_is(front, faults, monkeypatch):
    monkeypatch.setitem(PRESETS, "ollama", replace(PRESETS["ollama"], base_url=faults.url))
    pulled = failure(200, {"models": [{"name": "llama3.2:latest"}, {"name": "big:cloud"}]})
    version = failure(200, {"version": "0.13.1"})
    faults.play(version, version, pulled, failure(200, {}))
    told = front.ask("models", draft=drafted(preset="ollama"))
    assert told["ollama"] == {"running": True, "version": "0.13.1", "too_old": True}
    assert [(model["id"], model["note"]) for model in told["models"]] == [
        ("llama3.2:latest", ""),
        ("big:cloud", "not local"),
    ]
    monkeypatch.setitem(PRESETS, "ollama", replace(PRESETS["ollama"], base_url="http://127.0.0.1:1"))
    told = front.ask("models", draft=drafted(preset="ollama"))
    assert (told["ok"], told["kind"]) == (False, "refused")
    assert told["ollama"] == {"running": False, "version": "", "too_old": False}


def test_what_can_not_be_saved_is_kept_by_the_kernel(front, session, locked):
    session.store.folder.mkdir(parents=True, mode=0o700)
    (session.store.folder / "credentials.enc").write_bytes(b"damaged")
    number = front.send("test", draft=mine(locked.base_url), api_key=KEY)
    assert front.answer(number)["ok"]
    saved = front.ask("save", draft=mine(locked.base_url), of=number)
    assert (saved["ok"], saved["only_here"]) == (True, True)
    assert any("credentials.enc" in note for note in saved["notes"])
    (row,) = [row for row in saved["state"]["connections"] if row["here"]]
    assert (row["slug"], row["saved"], row["draft"]["slug"]) == ("mine", False, "")
    assert row["key_from"] == PROMPT
    assert saved["state"]["target"] == "mine:toy-1"
    assert front.ask("remove", slug="mine")["state"]["target"] == ""


def test_settings_that_can_not_be_read_are_told_and_nothing_is_lost(front, session):
    session.store.folder.mkdir(parents=True, mode=0o700)
    (session.store.folder / "config.json").write_text("[]")
    state = front.ask("hello")["state"]
    assert "config.json" in state["fault"]
    assert [row["slug"] for row in state["connections"]] == ["demo"]
    assert front.ask("remove", slug="mine")["kind"] == "store"
    assert front.ask("use", target="demo", default=False)["state"]["target"] == "demo:toy-1"


def test_a_variables_connection_becomes_a_saved_one_that_names_the_variable(front, session, locked):
    session.environment["ANTHROPIC_API_KEY"] = KEY
    session.environment["ANTHROPIC_BASE_URL"] = locked.base_url
    (row,) = [row for row in front.ask("reload")["state"]["connections"] if row["slug"] == "anthropic"]
    assert (row["saved"], row["here"], row["draft"]["slug"]) == (False, False, "")
    draft = row["draft"] | {"model": "toy-1", "preset": "custom", "name": "from here"}
    assert draft["key_variable"] == "ANTHROPIC_API_KEY"
    number = front.send("test", draft=draft)
    assert front.answer(number)["ok"]
    front.ask("save", draft=draft, of=number)
    assert session.connections()["from-here"].key_variable == "ANTHROPIC_API_KEY"
    assert not (session.store.folder / "credentials.enc").exists()


def test_a_variables_connection_is_called_as_its_provider_and_keeps_its_slug_when_saved(front, session):
    session.environment["AI_GATEWAY_API_KEY"] = KEY
    (row,) = [row for row in front.ask("reload")["state"]["connections"] if row["slug"] == "vercel"]
    assert (row["name"], row["draft"]["name"]) == ("Vercel AI Gateway", "")
    assert front.ask("save", draft=row["draft"] | {"model": "a/b"}, untested=True)["slug"] == "vercel"
    (row,) = [row for row in front.ask("reload")["state"]["connections"] if row["slug"] == "vercel"]
    assert (row["saved"], row["draft"]["name"]) == (True, "Vercel AI Gateway")


def test_news_are_told_when_something_has_changed(front, session, locked):
    front.ask("hello")
    front.desk.look(changed=True)
    session.use("demo")
    front.desk.look(changed=True)
    assert until(lambda: [m for m in front.heard if "re" not in m])
    (news,) = [m for m in front.heard if "re" not in m]
    assert (news["type"], news["state"]["target"]) == ("state", "demo:toy-1")


def test_a_page_that_asks_without_end_is_told_so_and_the_rest_is_answered(session):
    blocked, heard = threading.Event(), []

    def send(message):
        heard.append(message)
        if message["re"] == 0:
            assert blocked.wait(60)

    busy = Desk(session, send)
    for number in range(100):
        busy.take({"v": 1, "id": number, "type": "hello"})
        assert number or until(lambda: heard)
    blocked.set()
    assert until(lambda: len(heard) == 100)
    assert {message["re"] for message in heard} == set(range(100))
    refused = [message for message in heard if message["type"] == "result"]
    assert len(refused) == 100 - 1 - 64
    assert all("Too many" in message["message"] for message in refused)


def test_a_fault_of_this_package_is_answered_without_its_text(session):
    class Broken(dict):
        def get(self, *_):
            raise ZeroDivisionError(KEY)

    front = Front(Session(folder=session.store.folder, environment=Broken()))
    told = front.ask("hello")
    assert (told["ok"], told["kind"], told["message"]) == (False, "unknown", "This package failed (ZeroDivisionError).")
    assert KEY not in json.dumps(front.heard)
    front.session.environment = {}
    assert front.ask("hello")["type"] == "hello_ok", "it goes on"


def test_a_key_is_not_kept_for_what_was_ended_before_it_began(session, faults):
    heard, clerk = [], Clerk(session, Times())
    ticket = Ticket(1, heard.append)
    ticket.end("cancelled", "It was cancelled.")
    key = slips.typed({"api_key": KEY})
    test = slips.read({"v": 1, "id": 1, "type": "test", "draft": mine(faults.url)}, key)
    with ticket.scope, contextlib.suppress(CancelledError):  # which part of it hears first is open
        clerk.do(test, key, ticket)
    assert [message["kind"] for message in heard] == ["cancelled"]
    save = slips.read({"v": 1, "id": 2, "type": "save", "of": 1, "untested": True, "draft": mine(faults.url)}, key)
    assert clerk.do(save, slips.Typed(), ticket)[1]["kind"] == "no_key"
    assert faults.seen == []
