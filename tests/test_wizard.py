"""Connecting step by step: nothing is saved before a test has passed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.engines import toy_engine  # noqa: F401  # the fixture
from tests.fault_server import failure, good
from xiantong_nb import shown
from xiantong_nb.connection import named
from xiantong_nb.draft import Draft
from xiantong_nb.engine import Engine
from xiantong_nb.errors import KeyRefused, StoreError, UsageError
from xiantong_nb.presets import PRESETS
from xiantong_nb.secret import Secret
from xiantong_nb.session import Session
from xiantong_nb.upkeep import remove
from xiantong_nb.upkeep import saved as saved_here
from xiantong_nb.wizard import State, Wizard

KEY, WRONG = Secret("sk-CANARY-0123456789-wxyz"), Secret("sk-WRONG-0123456789-abcd")


@pytest.fixture(scope="module")
def locked():
    """An engine that wants a key."""
    with Engine.start(api_key=KEY.reveal()) as running:
        yield running


@pytest.fixture(autouse=True)
def nobody_outside(monkeypatch):
    """Providers are asked for their lists: no test reaches one."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")


@pytest.fixture
def session(tmp_path):
    made = Session(folder=tmp_path / "xiantong", environment={})
    yield made
    made.close()


def draft(url, **more):
    return Draft("custom", url, **{"model": "toy-1", "name": "mine", "key": KEY, **more})


def test_describe_check_probe_save(session, locked):
    wizard = Wizard(session, Draft("custom"))
    assert not wizard.check()
    assert wizard.problem.field == "base_url"
    wizard.edit(base_url=locked.base_url, name="mine", model="toy-2", ask_key=True)
    assert not wizard.check()
    assert wizard.problem.field == "key"
    wizard.edit(key=KEY)
    assert wizard.check()
    assert wizard.state is State.CHECKED
    shown = []
    outcome = wizard.probe(shown.append)
    assert outcome.passed
    assert list(outcome.stages) == shown
    assert wizard.state is State.PROBED
    assert session.store.connections() == {}
    wizard.save()
    assert wizard.state is State.SAVED
    saved = session.connections()["mine"]
    assert (saved.key, saved.default_model, saved.last_used > 0) == (KEY, "toy-2", True)


def test_a_wrong_key_fails_at_its_stage_and_saves_nothing(session, locked):
    wizard = Wizard(session, draft(locked.base_url, key=WRONG))
    assert wizard.check()
    outcome = wizard.probe()
    assert (outcome.failed_at, type(outcome.error)) == ("authenticated", KeyRefused)
    assert "Copy the key again" in outcome.error.hint
    with pytest.raises(UsageError, match="only after a test has passed"):
        wizard.save()
    assert not session.store.folder.exists()


def test_without_a_test_only_where_that_is_asked_for(session):
    wizard = Wizard(session, draft("http://127.0.0.1:1"))
    assert wizard.check()
    with pytest.raises(UsageError):
        wizard.save()
    wizard.save(untested=True)
    assert session.connections()["mine"].last_used is None


def test_any_edit_returns_to_the_beginning(session, locked):
    wizard = Wizard(session, draft(locked.base_url))
    wizard.check()
    wizard.probe()
    wizard.edit(model="toy-3")
    assert wizard.state is State.EDITING
    with pytest.raises(UsageError, match="not been checked"):
        wizard.save()
    with pytest.raises(UsageError, match="not been checked"):
        wizard.probe()


def test_an_edit_is_tested_again_and_keeps_the_key(session, locked):
    first = Wizard(session, draft(locked.base_url))
    first.check()
    first.probe()
    first.save()
    wizard = Wizard(session, Draft(model="toy-3"), editing=session.connections()["mine"])
    assert wizard.check()
    assert wizard.probe().passed
    wizard.save()
    assert session.connections()["mine"].default_model == "toy-3"
    broken = Wizard(session, Draft(key=WRONG), editing=session.connections()["mine"])
    broken.check()
    assert not broken.probe().passed
    assert session.connections()["mine"].key == KEY


def listing(*ids):
    return failure(200, {"data": [{"id": name} for name in ids]})


@pytest.fixture
def at(faults, monkeypatch):
    """Let a preset's endpoint be the fault server."""
    return lambda slug: monkeypatch.setitem(PRESETS, slug, replace(PRESETS[slug], base_url=faults.url))


def test_the_only_listed_model_is_taken_where_none_is_named(session, faults, at):
    at("ollama")
    faults.play(listing("llama3.2:latest"))
    wizard = Wizard(session, Draft("ollama"))
    assert wizard.check()
    assert wizard.target.model == "llama3.2:latest"
    faults.play(listing("llama3.2:latest", "qwen3"))
    wizard.edit(name="x")
    assert not wizard.check()
    assert wizard.problem.missing
    assert "It has llama3.2:latest, qwen3." in str(wizard.problem)
    faults.play(listing())
    assert not wizard.check()
    assert "It has none yet. Pull one: ollama pull llama3.2." in str(wizard.problem)


def test_a_name_that_can_not_be_there_is_refused_before_the_test(session, faults, at):
    at("openrouter")
    faults.play(listing("openai/gpt-4o", "a/b"))
    wizard = Wizard(session, Draft("openrouter", key=KEY, model="gpt-4o"))
    assert not wizard.check()
    assert (wizard.problem.field, wizard.problem.missing) == ("model", False)
    assert wizard.problem.hint == "Did you mean 'openai/gpt-4o'?"
    wizard.edit(model="openai/gpt-4o")
    assert wizard.check()
    assert len(faults.seen) == 1, "an endpoint is asked for its list once"


def saved(session, slug):
    (raw,) = session.store.config()["llmConnections"]
    return raw, session.connections()[slug]


SEEING = {"data": [{"id": "claude-x", "capabilities": {"image_input": {"supported": True}}}]}
BLIND = {"data": [{"id": "a/b", "architecture": {"input_modalities": ["text"]}}]}


@pytest.mark.parametrize(
    ("preset", "listed", "takes"), [("anthropic", SEEING, True), ("openrouter", BLIND, False), ("vercel", {}, None)]
)
def test_what_the_list_says_of_images_is_written(session, faults, at, preset, listed, takes):
    at(preset)
    faults.play(good("hello"), failure(200, listed))
    name = listed["data"][0]["id"] if listed else "a/b"
    wizard = Wizard(session, Draft(preset, key=KEY, model=name))
    assert wizard.check()
    assert wizard.probe().passed
    wizard.save()
    raw, made = saved(session, preset)
    assert made.images.get(name) is takes
    assert raw["models"] == (
        [name] if takes is None else [{"id": name, "name": name, "shortName": name, "supportsImages": takes}]
    )


def test_what_the_user_says_of_images_stays_whatever_the_list_says(session, faults, at):
    at("openrouter")
    faults.play(failure(200, BLIND))
    for more in ({"images": "model"}, {"model": "a/b"}, {"name": "again"}):
        wizard = Wizard(session, Draft("openrouter", **{"key": KEY, "model": "a/b"} | more))
        editing = session.saved().get("openrouter")
        wizard = Wizard(session, Draft(**more), editing=editing) if editing else wizard
        assert wizard.check()
        wizard.save(untested=True)
        assert saved(session, "openrouter")[1].images == {"a/b": True}
    wizard = Wizard(session, Draft(images="all"), editing=session.saved()["openrouter"])
    assert wizard.check()
    wizard.save(untested=True)
    assert saved(session, "openrouter")[1].all_images


@pytest.mark.parametrize(
    ("images", "one", "every"),
    [("", {}, None), ("model", {"toy-1": True}, None), ("all", {}, True), ("none", {}, False)],
)
def test_what_is_kept_here_alone_takes_images_where_that_is_said(session, images, one, every):
    wizard = Wizard(session, draft("http://127.0.0.1:1", images=images))
    wizard.check()
    wizard.keep(untested=True)
    made = session.connections()["mine"]
    assert (made.images, made.all_images) == (one, every)
    assert not session.store.folder.exists()


def kept_here(session, connection, **said):
    """Change a saved connection where nothing can be saved: this process keeps what was said."""
    wizard = Wizard(session, Draft(**said), editing=connection)
    assert wizard.check()
    wizard.keep(untested=True)


@pytest.fixture
def work(session):
    """A saved connection."""
    wizard = Wizard(session, Draft("openrouter", key=WRONG, model="a/b", name="work"))
    assert wizard.check()
    wizard.save(untested=True)
    session.store.rename("work", "At work")
    return saved_here(session, "work")


def test_what_is_saved_is_not_hidden_by_what_was_kept_before(session, work):
    kept_here(session, work, key=KEY)
    found = saved_here(session, "work")
    assert (found.key, found.saved) == (KEY, True), "it is changed as this process knows it"
    wizard = Wizard(session, Draft(model="c/d"), editing=found)
    assert wizard.check()
    wizard.save(untested=True)
    assert session.here == {}
    made = session.connections()["work"]
    assert (made.key, made.key_from, made.default_model, made.saved) == (KEY, "credentials.enc", "c/d", True)


def test_a_picker_saves_what_was_kept_in_its_own_place(session, work):
    kept_here(session, work, key=KEY)
    (row,) = [row for row in shown.state(session)["connections"] if row["here"]]
    assert row["draft"]["slug"] == "work"
    wizard = Wizard(session, Draft(model="c/d"), editing=saved_here(session, row["draft"]["slug"]))
    wizard.check()
    wizard.save(untested=True)
    assert [(r["slug"], r["here"]) for r in shown.state(session)["connections"]] == [("work", False), ("demo", False)]


def test_removing_removes_what_is_saved_and_what_was_kept(session, work):
    kept_here(session, work, key=KEY)
    session.prefer("work:a/b")
    assert remove(session, "work") == ("work", ())
    assert (session.here, session.saved(), session.store.keys(), session.chosen) == ({}, {}, {}, "")
    with pytest.raises(UsageError, match="not a saved connection"):
        remove(session, "work")


def test_what_can_not_be_removed_from_the_files_stays_here_too(session, work):
    kept_here(session, work, key=KEY)
    (session.store.folder / "credentials.enc").write_bytes(b"damaged")
    with pytest.raises(StoreError):
        remove(session, "work")
    assert session.connections()["work"].key == KEY


def test_what_only_this_process_has_is_removed_without_the_files(session):
    wizard = Wizard(session, draft("http://127.0.0.1:1"))
    wizard.check()
    wizard.keep(untested=True)
    assert remove(session, "mine") == ("mine", ())
    assert session.here == {}
    assert not session.store.folder.exists()


def test_a_key_of_another_provider_is_noticed(session):
    wizard = Wizard(session, Draft("openrouter", key=Secret("sk-ant-0123456789-CANARY"), model="a/b"))
    assert wizard.check()
    assert any("looks like one of Anthropic" in note for note in wizard.notes)


def test_a_guessed_model_is_noted(session):
    wizard = Wizard(session, Draft("openrouter", key=KEY))
    assert wizard.check()
    assert any("another name here" in note for note in wizard.notes)
    assert wizard.target.connection.default_model == wizard.target.model


def test_what_can_not_be_written_is_said_and_nothing_is_saved(session, faults):
    session.store.folder.mkdir(parents=True, mode=0o700)
    (session.store.folder / "credentials.enc").write_bytes(b"damaged")
    faults.play(good("hello"))
    wizard = Wizard(session, draft(faults.url))
    wizard.check()
    assert wizard.probe().passed
    with pytest.raises(StoreError):
        wizard.save()
    assert not (session.store.folder / "config.json").exists()


def test_a_key_the_app_saved_is_bound_on_first_use_and_that_is_said(session, faults):
    wizard = Wizard(session, draft(faults.url))
    wizard.check()
    wizard.save(untested=True)
    from xiantong_nb.vault import Vault

    vault = Vault(session.store.folder)
    vault.put("mine", KEY, "")
    assert named("mine", session.connections()).unbound
    faults.play(good("hello"))
    with session.open("hi", "mine") as stream:
        reply = stream.result()
    assert any(faults.url in note for note in reply.notes)
    assert vault.keys()["mine"].origin == faults.url
    assert not session.connections()["mine"].unbound


def test_a_question_that_holds_a_key_is_not_sent(session, faults):
    wizard = Wizard(session, draft(faults.url))
    wizard.check()
    wizard.save(untested=True)
    with pytest.raises(UsageError, match="holds the key of mine") as caught:
        session.open(f"what is {KEY.reveal()}?", "demo")
    assert "CANARY" not in str(caught.value)
    assert faults.seen == []


def test_a_question_holds_no_stored_key_whoever_it_belongs_to(session, faults):
    """Neither the app's own, nor one of a connection that can't be asked, nor one that another program removed."""
    wizard = Wizard(session, draft(faults.url))
    wizard.check()
    wizard.save(untested=True)
    path = session.store.folder / "config.json"
    raw = json.loads(path.read_text())
    mine = raw["llmConnections"][0] | {"baseUrl": "https://elsewhere.example"}
    app_only = {"slug": "app", "name": "A", "providerType": "pi", "authType": "api_key", "createdAt": 1}
    path.write_text(json.dumps(raw | {"llmConnections": [mine, app_only]}))
    session.store.adopt(app_only, WRONG, "https://api.example")
    assert session.connections()["mine"].key is session.connections()["app"].key is None
    for key, slug in ((KEY, "mine"), (WRONG, "app")):
        with pytest.raises(UsageError, match=f"holds the key of {slug}"):
            session.open(f"what is {key.reveal()}?", "demo")
    (session.store.folder / "credentials.enc").unlink()
    path.write_text("[]")
    with pytest.raises(UsageError, match="holds the key of mine"):
        session.open(f"what is {KEY.reveal()}?", "demo")


def test_settings_that_can_not_be_read_stop_only_what_they_name(session, engine):
    session.store.folder.mkdir(parents=True, mode=0o700)
    (session.store.folder / "config.json").write_text(json.dumps([]))
    other = Session(folder=session.store.folder, environment={}, engine_url=lambda: engine.base_url)
    assert str(other.target("demo")) == "demo:toy-1"
    with other.open("hello", "demo") as stream:
        assert stream.result().complete
    other.close()
    for text in ("", "sonnet", "mine:x"):
        with pytest.raises(StoreError, match=r"config\.json"):
            session.target(text)
