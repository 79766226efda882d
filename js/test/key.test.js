/** The key: known to its field alone, sent to one host, cleared right after, and let go when the host changes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogAt } from "../src/catalog.js";
import { keptKey, keyPlace } from "../src/draft.js";
import { isClearText, originOf } from "../src/urls.js";
import { connection, failed, kernel, Play, passed } from "./playing.js";

const SECRET = "sk-ant-a-marker-that-must-not-be-anywhere";

/** Whether the key of a request goes along, and what becomes of the field. @param {Play} play @param {string} kind */
const key = (play, kind) => play.sent(kind).at(-1).key;

test("no event, state or effect of a whole life holds the key", () => {
  const play = Play.open();
  const whole = [];
  for (const [type, more] of /** @type {[string, any][]} */ ([
    ["key", { filled: true }],
    ["models", { place: "form" }],
    ["submit", {}],
  ])) {
    whole.push(play.happen(type, more).state, play.effects);
  }
  play.answer("test", passed());
  whole.push(play.state, play.done);
  assert.ok(!JSON.stringify(whole).includes(SECRET.slice(0, 6)));
  assert.ok(!("api_key" in play.last("test")));
});

test("a test takes the key out of its field, a list of models leaves it there", () => {
  const play = Play.open().happen("key", { filled: true }).happen("models", { place: "form" });
  assert.equal(key(play, "models"), "keep");
  assert.equal(play.form.typed, true);
  play.happen("test");
  assert.equal(key(play, "test"), "clear");
  assert.equal(play.form.typed, false);
  assert.equal(play.form.shown, false);
});

test("without a key, none goes along", () => {
  const play = Play.open().happen("test");
  assert.equal(key(play, "test"), "");
  assert.ok(!("of" in play.last("test")));
});

test("after a failure that is not about it, the key need not be typed again", () => {
  const play = Play.open().happen("key", { filled: true }).happen("test");
  const { id } = play.last("test");
  play.answer("test", failed("model_missing", "model"));
  assert.deepEqual(play.form.held, { id, key: "…7890" });
  play.happen("edit", { field: "model", value: "opus" }).happen("submit");
  assert.equal(play.last("test").of, id);
  assert.equal(key(play, "test"), "");
});

test("a key that was refused is asked for again", () => {
  const play = Play.open().happen("key", { filled: true }).happen("test").answer("test", failed("bad_key", "key"));
  assert.equal(play.form.held, null);
  play.happen("test");
  assert.ok(!("of" in play.last("test")));
});

test("a key that was refused as it was sent goes along in the way that works, without being typed again", () => {
  const instead = { options: "--auth-header x-api-key", draft: { api: "", auth_header: "x-api-key" } };
  const play = Play.open().happen("preset", { value: "custom" }).happen("key", { filled: true });
  play.happen("edit", { field: "base_url", value: "https://gw.example" }).happen("test");
  const { id } = play.last("test");
  play.answer("test", failed("bad_key", "key", { instead })).happen("other");
  assert.equal(play.last("test").draft.auth_header, "x-api-key");
  assert.equal(play.last("test").of, id);
});

test("a key that is typed counts more than one given before", () => {
  const play = Play.open().happen("key", { filled: true }).happen("test").answer("test", failed("timeout", ""));
  play.happen("key", { filled: true }).happen("test");
  assert.ok(!("of" in play.last("test")));
  assert.equal(key(play, "test"), "clear");
});

test("leaving the form lets go of a key that the kernel holds", () => {
  const play = Play.open().happen("key", { filled: true }).happen("test").answer("test", failed("timeout", ""));
  const held = play.form.held?.id;
  play.happen("cancel");
  assert.equal(play.last("cancel").of, held);
  assert.equal(play.state.view, "list");
  assert.ok(play.clearsKey);
});

test("another host clears what was typed, and says so; the same host does not", () => {
  const play = Play.open().happen("key", { filled: true }).happen("preset", { value: "openrouter" });
  assert.ok(play.clearsKey);
  assert.equal(play.form.typed, false);
  assert.match(play.form.note, /typed for https:\/\/api\.anthropic\.com/);

  const same = Play.open(kernel([connection("work")]), { draft: { slug: "work" } }).happen("key", { filled: true });
  same.happen("edit", { field: "base_url", value: "https://openrouter.ai/api/v1" }).happen("commit");
  assert.equal(same.form.typed, true);
  assert.ok(!same.clearsKey);
});

test("another host lets go of the variable, too, whoever changes the URL", () => {
  const named = { ...connection("work").draft, key_variable: "OPENROUTER_API_KEY" };
  const saved = () => kernel([connection("work", { draft: named })]);
  const typed = Play.open(saved(), { draft: { slug: "work" } });
  assert.equal(typed.form.draft.key_variable, "OPENROUTER_API_KEY");
  typed.happen("edit", { field: "base_url", value: "https://other.example" }).happen("commit");
  assert.equal(typed.form.draft.key_variable, "");
  assert.match(typed.form.note, /named for https:\/\/openrouter\.ai/);

  const onLine = Play.open(saved(), { draft: { slug: "work", base_url: "https://other.example" } });
  assert.equal(onLine.form.draft.key_variable, "");

  const draft = { slug: "work", base_url: "https://other.example", key_variable: "OTHER_KEY" };
  const both = Play.open(saved(), { draft });
  assert.equal(both.form.draft.key_variable, "OTHER_KEY");
  assert.equal(both.form.note, "");

  const same = Play.open(saved(), { draft: { slug: "work", model: "m" } });
  assert.equal(same.form.draft.key_variable, "OPENROUTER_API_KEY");
});

test("a URL is judged when it is meant: on the way to it, nothing is cleared", () => {
  const play = Play.open().happen("preset", { value: "custom" }).happen("key", { filled: true });
  for (const value of ["h", "https://a", "https://a.example"]) play.happen("edit", { field: "base_url", value });
  assert.equal(play.form.typed, true);
  play.happen("commit");
  assert.equal(play.form.typed, true);
  play.happen("edit", { field: "base_url", value: "https://b.example" });
  assert.equal(play.form.typed, true);
  play.happen("commit");
  assert.equal(play.form.typed, false);
  assert.ok(play.clearsKey);
});

test("a URL that was never left is judged before anything is sent", () => {
  const play = Play.open().happen("key", { filled: true });
  play.happen("edit", { field: "base_url", value: "https://stranger.example" }).happen("submit");
  assert.ok(play.clearsKey);
  assert.equal(key(play, "test"), "");
  assert.match(play.form.note, /typed for/);
});

for (const value of ["https://stranger.example", "https://api.anth", "https:/"]) {
  test(`a URL that was never left is judged before its models are asked for: ${value}`, () => {
    const play = Play.open().happen("key", { filled: true });
    play.happen("edit", { field: "base_url", value }).happen("models", { place: "form" });
    assert.equal(key(play, "models"), "");
    assert.ok(play.clearsKey);
    assert.equal(play.form.typed, false);
    assert.match(play.form.note, /typed for https:\/\/api\.anthropic\.com/);
    const models = [{ id: "theirs" }];
    play.answer("models", { type: "models", ok: true, models });
    assert.deepEqual(catalogAt(play.state, "form")?.models, models);
  });
}

test("a key held by the kernel does not follow to another host either", () => {
  const play = Play.open().happen("key", { filled: true }).happen("test").answer("test", failed("timeout", ""));
  play.happen("edit", { field: "base_url", value: "https://stranger.example" });
  play.happen("models", { place: "form" }).happen("test");
  assert.ok(!("of" in play.last("models")));
  assert.ok(!("of" in play.last("test")));
});

test("a list of models asked with another key is asked anew", () => {
  const play = Play.open().happen("models", { place: "form" });
  play.answer("models", { type: "models", ok: true, models: [{ id: "a" }] }).happen("close");
  play.happen("models", { place: "form" });
  assert.equal(play.sent("models").length, 1);
  play.happen("close").happen("key", { filled: true }).happen("models", { place: "form" });
  assert.equal(play.sent("models").length, 2);
});

test("a saved key is kept where its endpoint stays, and a variable is named", () => {
  const known = kernel([
    connection("work"),
    connection("env", { key_variable: "KEY", draft: { ...connection("env").draft, key_variable: "KEY" } }),
  ]);
  const play = Play.open(known, { draft: { slug: "work" } });
  assert.equal(keptKey(play.state), "…wxyz");
  play.happen("edit", { field: "base_url", value: "https://other.example" });
  assert.equal(keptKey(play.state), "");
  const other = Play.open(known, { draft: { slug: "env" } });
  assert.equal(keyPlace(other.state), "variable");
  other.happen("edit", { field: "key_variable", value: "" });
  assert.equal(keyPlace(other.state), "field");
});

test("where no key is needed none is asked for, unless that is wanted", () => {
  const play = Play.open().happen("preset", { value: "ollama" });
  assert.equal(keyPlace(play.state), "none");
  play.happen("edit", { field: "ask_key", value: true });
  assert.equal(keyPlace(play.state), "field");
  const own = Play.open().happen("preset", { value: "custom" }).happen("edit", { field: "no_key", value: true });
  assert.equal(keyPlace(own.state), "none");
});

test("a key typed into a field that has gone is not sent", () => {
  const play = Play.open().happen("key", { filled: true }).happen("edit", { field: "key_variable", value: "KEY" });
  play.happen("models", { place: "form" }).happen("test");
  assert.equal(key(play, "models"), "");
  assert.equal(key(play, "test"), "");
});

for (const [typed, origin] of [
  ["https://api.anthropic.com/v1/messages", "https://api.anthropic.com"],
  [" https://Host.example:443/ ", "https://host.example"],
  ["localhost:11434", "http://localhost:11434"],
  ["127.0.0.1:8080/v1", "http://127.0.0.1:8080"],
  ["[::1]:8080", "http://[::1]:8080"],
  ["http://10.0.0.5:8000", "http://10.0.0.5:8000"],
  ["host.example:8000", ""],
  ["localhost.example:8000", ""],
  ["https://", ""],
  ["ftp://host.example", ""],
  ["", ""],
]) {
  test(`${JSON.stringify(typed)} leads to ${origin || "nothing yet"}`, () =>
    assert.equal(originOf(typed ?? ""), origin));
}

test("http to another machine is told apart", () => {
  assert.ok(isClearText("http://10.0.0.5:8000"));
  assert.ok(isClearText("http://localhost.example"));
  for (const typed of [
    "https://10.0.0.5",
    "http://localhost:1",
    "http://127.0.0.1",
    "http://[::1]:1",
    "localhost:1",
    "",
  ]) {
    assert.ok(!isClearText(typed), typed);
  }
});
