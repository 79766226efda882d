"""Stored replies: told again without a request, found by the whole request, private, and safe to delete."""

from __future__ import annotations

import base64
import json
import re
import stat
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import kernel_env
from tests.fault_server import BLOCK, CLOSE, END, START, good, head, sse, text
from tests.speech import SPEECHES, Chat
from tests.test_pictures import encoded
from xiantong_nb.base_url import spoken
from xiantong_nb.connection import Connection
from xiantong_nb.errors import IncompleteReply, UnfitReply
from xiantong_nb.events import TextDelta
from xiantong_nb.options import Options
from xiantong_nb.pictures import picture
from xiantong_nb.presets import PRESETS
from xiantong_nb.replies import Replies
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.shape import shape

KEY = Secret("CANARY-0123456789-wxyz")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def make(home, faults):
    """Makes sessions of one home, as kernels that follow each other."""
    made: list[Session] = []

    def one(speech=SPEECHES[0], **also) -> Session:
        session = Session(environment={}, folder=home)
        base_url = spoken(faults.url, "anthropic-messages", speech.wire)
        described = {"key": KEY, "key_from": "a test", "wire": speech.wire} | also
        session.here["gw"] = Connection("gw", PRESETS["custom"], base_url, "m", **described)
        made.append(session)
        return session

    yield one
    for session in made:
        session.close()


def asked(session, prompt="hi", target="gw", **options):
    with session.open(prompt, target, Options(**{"reuse": True, "alone": True} | options)) as stream:
        return stream.result()


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda s: s.wire)
def test_the_same_question_is_asked_once(make, faults, speech):
    faults.play(speech.good("an ", "answer"))
    first = asked(make(speech))
    session = make(speech)
    with session.open("hi", "gw", Options(reuse=True, alone=True)) as stream:
        deltas = [event.text for event in stream if isinstance(event, TextDelta)]
        again = stream.result()
    assert deltas == ["an answer"]
    assert len(faults.seen) == 1
    assert first.reused is None
    assert again.reused is not None
    told = {"cost": first.cost, "cost_source": first.cost_source, "reused": None}
    assert replace(again, **told) == first
    assert again.cost == 0
    assert re.fullmatch(r"reused, from \d{4}-\d\d-\d\d \d\d:\d\d: nothing was sent", again.cost_source)
    assert again.cost_source in again._repr_mimebundle_()[0]["text/plain"]
    assert again._repr_mimebundle_()[1]["xiantong"]["reused"] == again.reused
    assert "reused" not in first._repr_mimebundle_()[1]["xiantong"]
    assert session.last is again
    assert not session.used


def test_everything_of_a_reply_comes_back(make, faults):
    thinking = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
    faults.play([
        head(request_id="req_7")
        + sse(
            START,
            thinking,
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s=="}},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "r=="}},
            {"type": "content_block_stop", "index": 1},
            {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": "é 🐼"}},
            {"type": "content_block_delta", "index": 2, "delta": {"type": "citations_delta", "citation": {"url": "u"}}},
            {"type": "content_block_stop", "index": 2},
            {"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "t", "name": "f"}},
            {"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
            {"type": "content_block_stop", "index": 3},
            {"type": "content_block_start", "index": 4, "content_block": {"type": "web_search_tool_result", "n": 1}},
            {"type": "content_block_stop", "index": 4},
            {"type": "news"},
            *END,
        ),
        CLOSE,
    ])  # fmt: skip
    first, again = asked(make()), asked(make())
    assert len(first.blocks) == 5
    assert first.citations
    assert first.ignored_events == 1
    assert replace(again, cost=None, cost_source="", reused=None) == first
    assert len(faults.seen) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "hi!"},
        {"target": "gw:n"},
        {"system": "Be brief."},
        {"max_tokens": 5},
        {"temperature": 0.0},
        {"stop": ("x",)},
        {"effort": "low"},
        {"schema": shape(str)},
    ],
    ids=lambda each: next(iter(each)),
)
def test_whatever_changes_the_request_asks_anew(make, faults, other):
    faults.play(good('"one"'), good('"two"'))
    session = make()
    assert asked(session).text == '"one"'
    assert asked(session, **other).text == '"two"'
    assert asked(session).text == '"one"'
    assert asked(session, **other).text == '"two"'
    assert len(faults.seen) == 2


def test_another_endpoint_or_wire_asks_anew(make, faults):
    faults.play(good("one"), Chat().good("two"))
    assert asked(make()).text == "one"
    assert asked(make(Chat())).text == "two"
    moved = make()
    moved.here["gw"] = replace(moved.here["gw"], base_url="http://127.0.0.1:9")
    with pytest.raises(Exception, match="reached"):
        asked(moved)


def test_another_key_or_another_name_does_not(make, faults):
    faults.play(good("one"))
    asked(make())
    assert asked(make(key=Secret("another-CANARY-0123456789-wxyz"))).reused
    assert asked(make(key=None)).reused
    renamed = make()
    renamed.here["other"] = replace(renamed.here["gw"], slug="other")
    assert asked(renamed, target="other:m").reused
    assert len(faults.seen) == 1


def test_without_the_option_nothing_is_stored_or_found(make, faults, home):
    faults.play(good("one"), good("two"), good("three"))
    session = make()
    assert asked(session, reuse=False).text == "one"
    assert not (home / "cache").exists()
    assert asked(session).text == "two"
    assert asked(session, reuse=False).text == "three"


def test_what_is_not_whole_or_does_not_fit_is_not_stored(make, faults):
    faults.play([head() + sse(START, BLOCK, text("half")), CLOSE], good("whole"))
    session = make()
    with pytest.raises(IncompleteReply):
        asked(session)
    assert asked(session).text == "whole"
    with pytest.raises(UnfitReply):
        asked(session, schema=shape(int))
    assert len(faults.seen) == 4
    with pytest.raises(UnfitReply):
        asked(session, schema=shape(int))
    assert len(faults.seen) == 6


def test_data_is_made_again(make, faults):
    faults.play(good("no"), good("[1, 2]"))
    session = make()
    for _ in range(3):
        assert asked(session, schema=shape(list[int])).data == [1, 2]
    assert len(faults.seen) == 2


def test_a_chat_goes_on_from_a_stored_reply(make, faults):
    faults.play(good("one"), good("two"))
    for _ in range(2):
        session = make()
        assert asked(session, "a", alone=False).text == "one"
        assert asked(session, "b", alone=False).text == "two"
    assert len(faults.seen) == 2
    assert len(session.chats["default"].turns) == 2


def test_a_chat_behind_a_stored_reply_has_the_image_that_was_fetched(make, faults):
    """Where the endpoint can't fetch one itself, and for the next question to find its own stored reply."""
    data = encoded()
    faults.play([head(kind="image/png", length=len(data)) + data, CLOSE], good("a dot"), good("red"), good("small"))
    image = picture(f"{faults.url}/a.png")
    for questions in (("its colour?",), ("its colour?", "its size?"), ("its colour?", "its size?")):
        session = make(images={"m": True})
        assert asked(session, "what is it?", alone=False, images=(image,)).text == "a dot"
        texts = [asked(session, question, alone=False).text for question in questions]
        assert texts == ["red", "small"][: len(texts)]
    assert [seen.head.partition(" ")[0] for seen in faults.seen] == ["GET", "POST", "POST", "POST"]
    told = json.dumps(faults.seen[-1].json)
    assert f"{faults.url}/a.png" not in told
    assert base64.b64encode(data).decode() in told


def test_files_are_private_and_hold_no_key(make, faults, home):
    faults.play(good("an answer"))
    asked(make(), "a question of\nseveral lines " + "x" * 200)
    (path,) = (home / "cache").iterdir()
    assert re.fullmatch(r"reply-[0-9a-f]{32}\.json", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(each.stat().st_mode) for each in (home, home / "cache")} == {0o700}
    told = path.read_text()
    assert "CANARY" not in told
    assert "authorization" not in told.lower()
    assert json.loads(told)["question"] == ("a question of several lines " + "x" * 200)[:80]


def stored(event: str) -> bytes:
    told = '"at": 1, "target": "", "question": "", "seconds": 1, "first_token_seconds": null'
    return f'{{{told}, "events": [{event}]}}'.encode()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"at": 1}',
        stored('["Nope", {}]'),
        stored('["TextDelta", {"x": 1}]'),
        stored('["UsageUpdate", {}]'),
        b"\xff" * 100,
    ],
)
def test_a_damaged_file_is_one_that_is_not_there(make, faults, home, damage):
    faults.play(good("one"), good("two"))
    asked(make())
    (path,) = (home / "cache").iterdir()
    path.write_bytes(damage)
    assert Replies(home).all() == []
    assert asked(make()).text == "two"
    assert asked(make()).text == "two"


def test_a_link_in_its_place_is_not_followed(make, faults, home, tmp_path):
    faults.play(good("one"), good("two"))
    asked(make())
    (path,) = (home / "cache").iterdir()
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert asked(make()).text == "two"


def test_deleting_the_folder_does_no_harm(make, faults, home):
    faults.play(good("one"), good("two"))
    asked(make())
    for path in (home / "cache").iterdir():
        path.unlink()
    (home / "cache").rmdir()
    assert asked(make()).text == "two"


def test_where_nothing_can_be_stored_it_is_said_and_asked(make, faults, home):
    home.write_text("a file where the folder should be")
    faults.play(good("one"))
    reply = asked(make())
    assert reply.text == "one"
    assert reply.notes[0].startswith(f"the reply can't be stored in {home / 'cache'} (")


def test_they_are_listed_and_cleared(make, faults, home):
    faults.play(good("one"), good("two"))
    session = make()
    asked(session, "first")
    asked(session, "second")
    (home / "cache" / "models-x.json").write_text("a list of models")
    (home / "cache" / "reply-damaged.json").write_text("no")
    kept = Replies(home)
    assert sorted((one.target, one.question) for one, _ in kept.all()) == [("gw:m", "first"), ("gw:m", "second")]
    assert all(size > 100 for _, size in kept.all())
    assert kept.clear() == 3
    assert kept.all() == []
    assert [path.name for path in (home / "cache").iterdir()] == ["models-x.json"]


NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "01_first_answer.ipynb"
ENGINE_LOG = "print(open(__import__('xiantong_nb.engine').engine.shared().log_path, errors='replace').read())"


def played(home: Path) -> tuple[list[str], int]:
    """Restart the kernel and run all of the first notebook with --reuse; its answers, and the engine's requests."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"^%%ask(.*)$", r"%%ask\1 --reuse", cell.source, flags=re.MULTILINE)
            cell.source = cell.source.replace('"demo:toy-1")', '"demo:toy-1", reuse=True)')
            # the test of a connection is a real question, so that it is never reused
            cell.source = cell.source.replace("%xiantong connect demo", "%xiantong use demo")
    asks = [cell for cell in book.cells if cell.source.startswith("%%ask") or "reuse=True" in cell.source]
    assert len(asks) == 5
    book.cells.append(nbformat.v4.new_code_cell(ENGINE_LOG))
    NotebookClient(book, timeout=120, kernel_name="python3").execute(env=kernel_env(home), cwd=str(home))
    answers = [cell.outputs[0].data["text/plain"] for cell in asks]
    log = book.cells[-1].outputs[0].text
    assert "llama" in log or "server" in log, "the log of a real engine"
    return answers, len(re.findall(r"request \d+: POST /v1/\S+ \S+: started", log))


def test_run_all_with_reuse_sends_nothing_the_second_time(tmp_path):
    """By the server's own log, in real kernels: five answers, five requests, then none."""
    first, requests = played(tmp_path)
    assert requests == 5
    again, none = played(tmp_path)
    assert none == 0
    assert [text.partition("\n\ntoy-")[0] for text in again] == [text.partition("\n\ntoy-")[0] for text in first]
    assert sum("nothing was sent" in text for text in again) == 4
