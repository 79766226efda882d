"""Lists as a kernel knows them: kept, asked for, and asked again where a name hangs on them."""

from __future__ import annotations

import json
import time

import pytest

from tests.conftest import NOWHERE
from tests.fault_server import failure, good
from xiantong_nb import shelf
from xiantong_nb.connection import Connection, demo
from xiantong_nb.errors import UnknownModel, Unreachable, UsageError, XiantongError
from xiantong_nb.options import Options
from xiantong_nb.patience import Limits
from xiantong_nb.presets import PRESETS
from xiantong_nb.session import Session
from xiantong_nb.transport import Transport


@pytest.fixture
def session():
    made = Session(environment={}, folder=NOWHERE, transport=lambda: Transport(Limits(connect=0.5)))
    yield made
    made.close()


@pytest.fixture
def gw(faults, session):
    """An endpoint that calls its models as Anthropic does, without having its address."""
    session.here["gw"] = Connection("gw", PRESETS["openrouter"], faults.url, "sonnet")
    return session.here["gw"]


def listing(*ids):
    return failure(200, {"data": [{"id": name} for name in ids]})


def verbs(faults):
    return "".join(seen.head[0] for seen in faults.seen)


def ask(session, target):
    with session.open("hi", target, Options(alone=True)) as stream:
        return stream.result()


def test_an_alias_is_asked_for_once_and_a_plain_name_never(faults, session, gw):
    faults.play(good("hello"))
    ask(session, "gw:a/b")
    assert verbs(faults) == "P"
    faults.play(listing("a/claude-sonnet-9", "a/claude-sonnet-10"), good("hello"))
    for target in ("gw", "gw:sonnet"):
        ask(session, target)
        assert faults.seen[-1].json["model"] == "a/claude-sonnet-10"
    assert verbs(faults) == "PGPP"


def test_a_list_of_yesterday_is_asked_for_again_and_serves_where_that_fails(faults, gw, tmp_path):
    session = Session(environment={}, folder=tmp_path)
    session.here["gw"] = gw

    def let_a_day_pass():
        (file,) = (tmp_path / "cache").iterdir()
        file.write_text(json.dumps(json.loads(file.read_text()) | {"at": time.time() - shelf.FRESH - 60}))

    faults.play(listing("a/claude-sonnet-9"), listing("a/claude-sonnet-10"), failure(404, b""))
    assert session.target("gw").model == "a/claude-sonnet-9"
    let_a_day_pass()
    assert session.target("gw").model == "a/claude-sonnet-10"
    let_a_day_pass()
    for _ in range(2):
        assert session.target("gw").model == "a/claude-sonnet-10"
    assert verbs(faults) == "GGG"
    session.close()


@pytest.mark.parametrize("answer", [failure(404, b"no list"), failure(500, b""), failure(200, b"<html>")])
def test_an_endpoint_without_a_list_is_asked_for_it_once(faults, session, gw, answer):
    faults.play(answer)
    for _ in range(2):
        target = session.target("gw")
        assert target.model == "claude-sonnet-5-5"
        assert target.notes == ("the alias sonnet is taken as claude-sonnet-5-5, which may have another name here",)
    assert verbs(faults) == "G"


def test_one_that_can_not_be_reached_is_asked_again(faults, session, gw):
    session.here["gw"] = gw.__class__("gw", gw.preset, "http://127.0.0.1:1", "sonnet")
    assert session.target("gw").notes
    session.here["gw"] = gw
    faults.play(listing("a/claude-sonnet-9"))
    assert session.target("gw").model == "a/claude-sonnet-9"


def test_what_is_in_use_is_shown_without_asking(faults, session, gw):
    faults.play(listing("a/claude-sonnet-9"))
    assert session.default().model == "claude-sonnet-5-5"
    assert faults.seen == []
    session.use("gw")
    assert session.default().model == "a/claude-sonnet-9"


def test_a_name_that_an_alias_was_taken_as_stays_one(faults, session, gw):
    faults.play(failure(404, b"no list"))
    session.use("gw:opus")
    assert str(session.target("")) == "gw:claude-opus-5-5"
    with pytest.raises(UsageError, match="names there are provider/model-name"):
        session.target("gw:gpt-4o")


def test_what_a_second_look_lists_is_kept(faults, session, gw):
    faults.play(failure(404, {"error": {"message": "a/claude-sonet-9 not found"}}), listing("a/claude-sonnet-9"))
    with pytest.raises(UnknownModel, match="It has: a/claude-sonnet-9"):
        ask(session, "gw:a/claude-sonet-9")
    assert session.lists.kept(gw).find("a/claude-sonnet-9")
    assert session.target("gw").model == "a/claude-sonnet-9"
    assert verbs(faults) == "PG"


def test_one_that_does_not_answer_is_given_up(faults, session, gw):
    faults.play([60.0])
    with pytest.raises(Unreachable, match=r"gw did not list its models within 0\.2 s\.") as caught:
        session.lists.ask(gw, patience=0.2)
    assert caught.value.kind == "silent"
    assert faults.url in caught.value.where


def test_what_can_not_be_asked_has_no_list(session):
    fault = UsageError("broken")
    with pytest.raises(UsageError, match="broken"):
        session.lists.ask(Connection("x", PRESETS["custom"], "", "", fault=fault))
    assert session.lists.deciding(demo()) is None


def test_a_broken_installation_does_not_stop_a_question_before_it_says_so(gw):
    def broken():
        raise ImportError("no module named httpx")

    other = Session(environment={}, folder=NOWHERE, transport=broken)
    other.here["gw"] = gw
    assert other.target("gw").model == "claude-sonnet-5-5"
    with pytest.raises(XiantongError, match=r"can't reach the network \(ImportError: no module named httpx\)"):
        other.lists.ask(gw)
    other.close()
