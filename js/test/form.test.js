/** The form's states, and what leads from one to another. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTHING_SAID } from "../src/draft.js";
import { connection, failed, kernel, Play, passed, saved } from "./playing.js";

/** How to come into each state of the form. @type {Record<string, () => Play>} */
const COME = {
  untested: () => Play.open(),
  testing: () => COME.untested?.().happen("key", { filled: true }).happen("test") ?? Play.open(),
  ok: () => COME.testing?.().answer("test", passed()) ?? Play.open(),
  failed: () => COME.testing?.().answer("test", failed("bad_key", "key")) ?? Play.open(),
  saving: () => COME.ok?.().happen("submit") ?? Play.open(),
  saved: () => COME.saving?.().answer("save", saved()) ?? Play.open(),
};

/** What each event makes of each state; where nothing is said, it stays. @type {[string, any, Record<string, string>][]} */
const TABLE = [
  ["edit", { field: "model", value: "opus" }, { ok: "untested", failed: "untested" }],
  ["edit", { field: "auth_header", value: "bearer" }, { ok: "untested", failed: "untested" }],
  ["edit", { field: "no_key", value: true }, { ok: "untested", failed: "untested" }],
  ["key", { filled: true }, { ok: "untested", failed: "untested" }],
  ["preset", { value: "openrouter" }, { ok: "untested", failed: "untested" }],
  ["type", { place: "form", value: "op" }, { ok: "untested", failed: "untested" }],
  ["take", { place: "form", model: "opus" }, { ok: "untested", failed: "untested" }],
  ["default", { value: true }, {}],
  ["more", {}, {}],
  ["show", {}, {}],
  ["test", {}, { untested: "testing", ok: "testing", failed: "testing" }],
  ["submit", {}, { untested: "testing", failed: "testing", ok: "saving" }],
  ["insist", {}, { untested: "saving", ok: "saving", failed: "saving" }],
  ["stop", {}, {}],
  ["ask-save", {}, {}],
  ["gone", {}, { testing: "untested", ok: "untested", failed: "untested", saving: "untested" }],
];

for (const [type, more, becomes] of TABLE) {
  for (const [from, come] of Object.entries(COME)) {
    if (from === "saved") continue; // what the form shows then has none of these fields
    test(`${from}: ${type} ${JSON.stringify(more)}`, () => {
      const play = come();
      assert.equal(play.form.phase, from);
      play.happen(type, more);
      assert.equal(play.form.phase, becomes[from] ?? from);
    });
  }
}

for (const phase of ["testing", "saving"]) {
  test(`while ${phase}, nothing that is typed changes anything`, () => {
    const play = COME[phase]?.() ?? Play.open();
    const { draft } = play.form;
    for (const [type, more] of TABLE) {
      if (["gone", "more", "show", "stop"].includes(type)) continue;
      play.happen(type, more);
      assert.deepEqual(play.effects, [], type);
    }
    assert.deepEqual(play.form.draft, draft);
  });
}

test("a test that passed is saved at once where that was wanted, by the test's id and without the key", () => {
  const play = Play.open().happen("key", { filled: true }).happen("submit");
  const id = play.last("test").id;
  play.answer("test", passed());
  assert.equal(play.form.phase, "saving");
  assert.deepEqual(play.sent("save").at(-1).key, "");
  assert.equal(play.last("save").of, id);
  assert.equal(play.last("save").untested, false);
  play.answer("save", saved());
  assert.equal(play.form.phase, "saved");
  assert.equal(play.form.saved?.target, "anthropic:sonnet");
  assert.equal(play.state.kernel?.target, "anthropic:sonnet");
  assert.equal(play.form.held, null);
});

test("a test alone saves nothing until that is said", () => {
  const play = COME.ok?.() ?? Play.open();
  assert.equal(play.sent("save").length, 0);
  assert.deepEqual(play.focus, ["submit"]);
});

test("a failure leads to its field, opens the rows it is among, and can be saved all the same after a question", () => {
  const play = Play.open().happen("test").answer("test", failed("check", "auth_header"));
  assert.deepEqual(play.focus, ["auth_header", "failure"]);
  assert.equal(play.form.more, true);
  play.happen("ask-save");
  assert.equal(play.state.asks, "save");
  assert.deepEqual(play.focus, ["unask"]);
  play.happen("unask");
  assert.equal(play.state.asks, "");
  assert.deepEqual(play.focus, ["ask-save"]);
  play.happen("ask-save").happen("insist");
  assert.equal(play.last("save").untested, true);
  assert.equal(play.last("save").of, play.last("test").id);
  play.answer("save", { type: "result", ok: false, kind: "store", field: "", message: "Disk full.", hint: "" });
  assert.equal(play.form.phase, "failed");
  assert.equal(play.form.result?.message, "Disk full.");
});

test("an edit withdraws what was asked once more", () => {
  const play = COME.failed?.().happen("ask-save").happen("edit", { field: "name", value: "x" });
  assert.equal(play?.state.asks, "");
});

test("a field that stands among the others does not open the advanced rows", () => {
  const play = Play.open().happen("test").answer("test", failed("model_missing", "model"));
  assert.equal(play.form.more, false);
  assert.deepEqual(play.focus, ["model", "failure"]);
});

test("a test is stopped once, and ends by its own answer", () => {
  const play = COME.testing?.() ?? Play.open();
  const id = play.last("test").id;
  play.happen("cancel").happen("cancel");
  assert.equal(play.sent("cancel").length, 1);
  assert.equal(play.last("cancel").of, id);
  assert.equal(play.form.phase, "testing");
  play.answer("cancel", { type: "cancelled" });
  assert.equal(play.form.phase, "testing");
  play.answer("test", failed("cancelled", ""));
  assert.equal(play.form.phase, "untested");
  assert.match(play.form.note, /cancelled/);
  assert.equal(play.state.trial, null);
});

test("stages show as they pass, of the test that runs alone", () => {
  const play = COME.testing?.() ?? Play.open();
  const { id } = play.last("test");
  play.say({ type: "progress", re: id, stage: "reached", ms: 80, said: "" });
  play.say({ type: "progress", re: id + 99, stage: "authenticated", ms: 90, said: "" });
  assert.deepEqual(play.state.trial?.stages, [{ name: "reached", ms: 80, said: "" }]);
});

test("while a test runs, the seconds go on, and stop with it", () => {
  const play = COME.testing?.().happen("timer", { name: "tick" });
  assert.deepEqual(play?.effects, [{ do: "timer", name: "tick", ms: 1000 }]);
  play?.answer("test", passed()).happen("timer", { name: "tick" });
  assert.deepEqual(play?.effects, []);
});

test("what did work instead is taken into the draft and tested, with the key of the failed test", () => {
  const play = Play.open().happen("preset", { value: "custom" });
  play.happen("edit", { field: "base_url", value: "https://llm.example" }).happen("commit");
  play.happen("key", { filled: true }).happen("submit");
  const { id } = play.last("test");
  const instead = { options: "--api openai-completions", draft: { api: "openai-completions" } };
  play.answer("test", failed("wrong_url", "base_url", { instead }));
  play.happen("other");
  assert.equal(play.form.phase, "testing");
  assert.equal(play.last("test").draft.api, "openai-completions");
  assert.equal(play.last("test").of, id);
});

test("what the cell says of the default counts in settings, too", () => {
  const open = (/** @type {boolean} */ isDefault, /** @type {boolean} */ already) =>
    Play.open(kernel([connection("work", { default: already })]), { draft: { slug: "work" }, isDefault });
  assert.equal(open(true, false).form.makesDefault, true);
  assert.equal(open(false, true).form.makesDefault, true);
  assert.equal(open(false, false).form.makesDefault, false);
  const play = open(true, false).happen("edit", { field: "name", value: "Home" }).happen("submit");
  assert.equal(play.sent("rename").length, 0, "a rename would leave it out");
});

test("settings keep the name, the key and what is not changed; a new name alone needs no test", () => {
  const known = kernel([connection("work", { name: "Work" })]);
  const play = Play.open(known, { start: "edit", draft: { slug: "work" } });
  assert.equal(play.form.draft.name, "Work");
  play.happen("edit", { field: "name", value: "Home" }).happen("submit");
  assert.deepEqual([play.last("rename").slug, play.last("rename").name], ["work", "Home"]);
  assert.equal(play.sent("test").length, 0);
  const renamed = kernel([connection("work", { name: "Home" })]);
  play.answer("rename", { type: "state", state: renamed, notes: ["Shown as Home."] });
  assert.equal(play.form.phase, "untested");
  assert.equal(play.form.draft.name, "Home");
  play.happen("edit", { field: "name", value: "Flat" }).happen("edit", { field: "model", value: "x" }).happen("submit");
  assert.equal(play.last("test").draft.name, "Flat");
  assert.equal(play.sent("rename").length, 1);
});

test("a new name with a new key is tested, and with another default, too", () => {
  for (const [type, more] of /** @type {[string, any][]} */ ([
    ["key", { filled: true }],
    ["default", { value: true }],
  ])) {
    const play = Play.open(kernel([connection("work")]), { draft: { slug: "work" } });
    play.happen("edit", { field: "name", value: "Home" }).happen(type, more).happen("submit");
    assert.equal(play.form.phase, "testing", type);
  }
});

test("a rename that fails is said, and nothing is lost", () => {
  const play = Play.open(kernel([connection("work")]), { draft: { slug: "work" } });
  play.happen("edit", { field: "name", value: "Home" }).happen("submit");
  play.answer("rename", { type: "result", ok: false, kind: "store", message: "Locked.", hint: "Wait." });
  assert.equal(play.form.phase, "failed");
  assert.equal(play.form.draft.name, "Home");
});

test("removing from the settings asks nothing of the form any longer and leads to the list", () => {
  const play = Play.open(kernel([connection("work"), connection("home")]), { draft: { slug: "work" } });
  play.happen("ask-remove").happen("remove", { slug: "work" });
  assert.equal(play.last("remove").slug, "work");
  play.answer("remove", { type: "state", state: kernel([connection("home")]), notes: ["work is removed."] });
  assert.equal(play.state.view, "list");
  assert.deepEqual(play.state.list.notes, ["work is removed."]);
});

test("the form begins as the cell said", () => {
  const play = Play.open(kernel(), { draft: { preset: "custom", base_url: "http://localhost:8080" }, isDefault: true });
  assert.equal(play.form.draft.preset, "custom");
  assert.equal(play.form.draft.base_url, "http://localhost:8080");
  assert.equal(play.form.makesDefault, true);
  assert.deepEqual(play.last("check").draft, play.form.draft);
  assert.equal(Play.open().form.draft.preset, "anthropic");
});

test("what the cell said goes before what is saved, and what it did not say does not", () => {
  const known = kernel([connection("work", { draft: { ...connection("work").draft, no_key: true, model: "a" } })]);
  const play = Play.open(known, { draft: { ...NOTHING_SAID, slug: "work", model: "b" } });
  assert.equal(play.form.draft.no_key, true);
  assert.equal(play.form.draft.model, "b");
});

test("the last edit is checked after a while, and only the newest answer counts", () => {
  const play = Play.open();
  const before = play.last("check");
  play.happen("edit", { field: "model", value: "a" });
  assert.deepEqual(play.effects, [{ do: "timer", name: "check", ms: 250 }]);
  play.happen("timer", { name: "check" });
  const checked = { type: "checked", url: "u", origin: "o", slug: "s", wire: "w", key: "needed", problem: null };
  play.say({ re: before.id, ...checked, url: "old" });
  assert.equal(play.form.checked, null);
  play.answer("check", { ...checked, url: "new" });
  assert.equal(/** @type {any} */ (play.form).checked.url, "new");
});

test("what is tested is checked, too, however quickly that was", () => {
  const play = Play.open().happen("edit", { field: "model", value: "a" }).happen("submit");
  assert.equal(play.last("check").draft.model, "a");
  assert.ok(play.effects.some((effect) => effect.do === "stop" && effect.name === "check"));
});

test("a URL that belongs to another preset moves there once it is meant, and not before", () => {
  const play = Play.open().happen("preset", { value: "custom" });
  const checked = { type: "checked", url: "u", origin: "o", slug: "s", wire: "w", key: "needed", problem: null };
  play.happen("edit", { field: "base_url", value: "https://openrouter.ai/api" }).happen("timer", { name: "check" });
  play.answer("check", { ...checked, preset: "openrouter" });
  assert.equal(play.form.draft.preset, "custom");
  play.happen("commit").answer("check", { ...checked, preset: "openrouter" });
  assert.equal(play.form.draft.preset, "openrouter");
  play.happen("commit").answer("check", { ...checked, preset: "demo" });
  assert.equal(play.form.draft.preset, "openrouter");
});

test("a server with routes of its own is looked at when it is chosen, and again when that is wanted", () => {
  const play = Play.open().happen("preset", { value: "ollama" });
  assert.equal(play.sent("models").length, 1);
  play.happen("look");
  assert.equal(play.sent("models").length, 1);
  const ollama = { running: false, version: "", too_old: false };
  play.answer("models", { type: "models", ok: false, models: [], ollama, message: "No.", hint: "Start it." });
  play.happen("look");
  assert.equal(play.sent("models").length, 2);
});
