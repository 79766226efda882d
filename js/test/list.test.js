/** The list of connections, and the list of models under a field. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { choices, textAt } from "../src/combo.js";
import { connection, failed, kernel, Play, passed } from "./playing.js";

const MODELS = [{ id: "openai/gpt-4o" }, { id: "openai/gpt-4o-mini" }, { id: "google/gemini-3-pro" }];
const KNOWN = kernel(
  [
    connection("work"),
    connection("home", { default: true }),
    connection("broken", { fault: "It can't be read." }),
    connection("demo", { saved: false, draft: null, models: ["toy-1", "toy-2"], model: "toy-1" }),
    connection("theirs", { foreign: true }),
  ],
  { target: "work:openai/gpt-4o" },
);

const list = () => Play.open(KNOWN, { start: "list" });

/** @param {Play} play @param {"form" | "list"} place */
const shown = (play, place) => choices(play.state, place).shown.map(({ id }) => id);

test("the row in use is open at first, and stays where a person has put it", () => {
  const play = list();
  assert.equal(play.state.list.chosen, "work");
  play.happen("choose", { value: "home" }).say({ type: "state", state: KNOWN });
  assert.equal(play.state.list.chosen, "home");
  play.say({ type: "state", state: kernel([connection("work")], { target: "work:x" }) });
  assert.equal(play.state.list.chosen, "work");
});

test("a row is used after a moment; who walks past uses only the last", () => {
  const play = list().happen("choose", { value: "demo" }).happen("choose", { value: "home" });
  assert.deepEqual(play.effects, [{ do: "timer", name: "use", ms: 250 }]);
  assert.equal(play.sent("use").length, 0);
  play.happen("timer", { name: "use" });
  assert.deepEqual([play.last("use").target, play.last("use").default], ["home:openai/gpt-4o", false]);
  play.answer("use", { type: "state", state: { ...KNOWN, target: "home:openai/gpt-4o" }, notes: ["A note."] });
  assert.equal(play.state.kernel?.target, "home:openai/gpt-4o");
  assert.deepEqual(play.state.list.notes, ["A note."]);
});

test("what is in use already is not asked for again", () => {
  const play = list().happen("choose", { value: "home" }).happen("choose", { value: "work" });
  play.happen("timer", { name: "use" });
  assert.equal(play.sent("use").length, 0);
});

test("one that can't be used is opened and not used", () => {
  const play = list().happen("choose", { value: "broken" }).happen("timer", { name: "use" });
  assert.equal(play.state.list.chosen, "broken");
  assert.equal(play.sent("use").length, 0);
});

test("a target that can't be used is said, and nothing has changed", () => {
  const play = list().happen("choose", { value: "home" }).happen("timer", { name: "use" });
  play.answer("use", { type: "result", ok: false, kind: "check", message: "No such model.", hint: "Another." });
  assert.equal(play.state.list.failure?.message, "No such model.");
  assert.equal(play.state.kernel?.target, "work:openai/gpt-4o");
  play.happen("choose", { value: "work" });
  assert.equal(play.state.list.failure, null);
});

test("the default is made with the model in use", () => {
  const play = Play.open({ ...KNOWN, target: "work:openai/gpt-4o-mini" }, { start: "list" });
  play.happen("make-default", { slug: "work" });
  assert.deepEqual([play.last("use").target, play.last("use").default], ["work:openai/gpt-4o-mini", true]);
});

test("saved ones are tested one at a time, and how it went is kept", () => {
  const play = list().happen("try", { slug: "work" }).happen("try", { slug: "home" });
  assert.equal(play.sent("test").length, 1);
  const request = play.last("test");
  assert.deepEqual([request.slug, "draft" in request], ["work", false]);
  play.say({ type: "progress", re: request.id, stage: "reached", ms: 80, said: "" });
  assert.equal(play.state.trial?.stages.length, 1);
  play.answer("test", failed("timeout", ""));
  assert.equal(play.state.trial, null);
  assert.equal(play.state.list.results.work?.result.kind, "timeout");
  assert.equal(play.form.phase, "untested");
  play.happen("try", { slug: "home" }).answer("test", passed());
  assert.equal(play.state.list.results.home?.result.ok, true);
});

test("a test that was stopped says nothing of a connection", () => {
  const play = list().happen("try", { slug: "work" }).happen("stop");
  assert.equal(play.last("cancel").of, play.last("test").id);
  play.answer("test", failed("cancelled", ""));
  assert.deepEqual(play.state.list.results, {});
});

test("a test of the list goes on beside the form, and its end is the list's", () => {
  const play = list().happen("try", { slug: "work" });
  const { id } = play.last("test");
  play.happen("new").happen("key", { filled: true }).happen("test");
  play.say({ re: id, ...failed("timeout", "") });
  assert.equal(play.form.phase, "testing");
  assert.equal(play.state.list.results.work?.result.kind, "timeout");
  play.answer("test", passed());
  assert.equal(play.form.phase, "ok");
});

test("removing asks once, and can be withdrawn", () => {
  const play = list().happen("ask-remove");
  assert.deepEqual(play.focus, ["unask"]);
  play.happen("unask");
  assert.deepEqual(play.focus, ["ask-remove"]);
  assert.equal(play.sent("remove").length, 0);
  play.happen("ask-remove").happen("remove", { slug: "work" });
  play.answer("remove", { type: "state", state: kernel([connection("home")], { target: "" }), notes: [] });
  assert.equal(play.state.view, "list");
  assert.equal(play.state.asks, "");
});

test("a question of one row is not asked of another", () => {
  const play = list().happen("ask-remove").happen("choose", { value: "home" });
  assert.equal(play.state.asks, "");
});

test("from the list to a new one, to settings, and back", () => {
  const play = list().happen("new");
  assert.equal(play.state.view, "form");
  assert.equal(play.form.draft.slug, "");
  play.happen("cancel");
  assert.equal(play.state.view, "list");
  play.happen("settings", { draft: { slug: "work" } });
  assert.equal(play.form.draft.slug, "work");
  assert.equal(play.form.draft.model, "openai/gpt-4o");
});

test("one from the environment is saved as a new one", () => {
  const given = { ...connection("env").draft, slug: "", key_variable: "OPENROUTER_API_KEY" };
  const play = list().happen("settings", { draft: given });
  assert.equal(play.form.draft.slug, "");
  assert.equal(play.form.draft.key_variable, "OPENROUTER_API_KEY");
});

test("the list of models is asked for once a connection, and what is saved is there at once", () => {
  const play = list().happen("models", { place: "list" });
  assert.deepEqual(shown(play, "list"), ["openai/gpt-4o", "openai/gpt-4o-mini"]);
  assert.equal(play.last("models").draft.slug, "work");
  assert.equal(play.state.combo.active, 0);
  play.answer("models", { type: "models", ok: true, models: MODELS });
  assert.equal(shown(play, "list").length, 3);
  play.happen("models", { place: "list" });
  assert.equal(play.state.combo.open, false);
  play.happen("models", { place: "list" });
  assert.equal(play.sent("models").length, 1);
});

test("a list that could not be had is asked for again; what is saved stays", () => {
  const play = list().happen("models", { place: "list" });
  play.answer("models", { type: "result", ok: false, kind: "timeout", message: "No answer.", hint: "" });
  assert.deepEqual(shown(play, "list"), ["openai/gpt-4o", "openai/gpt-4o-mini"]);
  play.happen("close").happen("models", { place: "list" });
  assert.equal(play.sent("models").length, 2);
});

test("a list that could not be had is not asked for at every letter", () => {
  const play = Play.open().happen("type", { place: "form", value: "a" });
  play.answer("models", { type: "models", ok: false, models: [], message: "No answer." });
  play.happen("type", { place: "form", value: "ab" }).happen("type", { place: "form", value: "abc" });
  assert.equal(play.sent("models").length, 1);
  play.happen("close").happen("models", { place: "form" });
  assert.equal(play.sent("models").length, 2);
});

test("a test closes the list", () => {
  const play = Play.open().happen("models", { place: "form" }).happen("submit");
  assert.equal(play.state.combo.open, false);
});

test("one without settings is not asked for a list", () => {
  const play = list().happen("choose", { value: "demo" }).happen("models", { place: "list" });
  assert.equal(play.sent("models").length, 0);
  assert.deepEqual(shown(play, "list"), ["toy-1", "toy-2"]);
});

test("words narrow the list down, arrows go round, a model is taken into use", () => {
  const play = list()
    .happen("models", { place: "list" })
    .answer("models", { type: "models", ok: true, models: MODELS });
  play.happen("type", { place: "list", value: "GPT mini" });
  assert.deepEqual(shown(play, "list"), ["openai/gpt-4o-mini"]);
  assert.equal(play.state.combo.active, -1);
  play.happen("move", { place: "list", by: 1 });
  assert.equal(play.state.combo.active, 0);
  play.happen("type", { place: "list", value: "g" }).happen("move", { place: "list", by: -1 });
  assert.equal(play.state.combo.active, 2);
  play.happen("move", { place: "list", by: 1 });
  assert.equal(play.state.combo.active, 0);
  play.happen("take", { place: "list", model: "openai/gpt-4o-mini" });
  assert.equal(play.last("use").target, "work:openai/gpt-4o-mini");
  assert.equal(play.state.combo.open, false);
});

test("what was typed and not taken is given up", () => {
  const play = list().happen("type", { place: "list", value: "half" });
  assert.equal(textAt(play.state, "list"), "half");
  play.happen("close");
  assert.equal(textAt(play.state, "list"), "openai/gpt-4o");
});

test("any id can be typed in the form; the list opens with it and with an arrow", () => {
  const play = Play.open().happen("type", { place: "form", value: "my-own" });
  assert.equal(play.form.draft.model, "my-own");
  assert.equal(play.state.combo.open, true);
  play.answer("models", { type: "models", ok: true, models: MODELS });
  assert.deepEqual(shown(play, "form"), []);
  play.happen("close");
  assert.equal(play.form.draft.model, "my-own");
  play.happen("move", { place: "form", by: 1 });
  assert.equal(play.state.combo.open, true);
  assert.equal(shown(play, "form").length, 3);
  assert.equal(play.state.combo.active, -1);
});

test("of very many, some are shown, and it is said how many more there are", () => {
  const many = Array.from({ length: 400 }, (_, n) => ({ id: `model-${n}` }));
  const play = Play.open()
    .happen("models", { place: "form" })
    .answer("models", { type: "models", ok: true, models: many });
  assert.deepEqual([choices(play.state, "form").shown.length, choices(play.state, "form").more], [60, 340]);
});

test("an empty list has no active option", () => {
  const play = Play.open().happen("models", { place: "form" }).happen("move", { place: "form", by: 1 });
  assert.equal(play.state.combo.active, -1);
});
