/** The handshake, and that every request has exactly one end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { connection, FIRST, failed, kernel, Play, passed, saved } from "./playing.js";

/** @param {Play} play */
const delay = (play) => play.effects.find((effect) => effect.name === "hello" && effect.do === "timer")?.ms;

test("hello is said ever slower; after two seconds nobody is there, and it goes on", () => {
  const play = new Play();
  const waits = [delay(play)];
  for (let n = 0; n < 4; n++) waits.push(delay(play.happen("timer", { name: "hello" })));
  assert.deepEqual(waits, [100, 150, 250, 500, 1000]);
  assert.equal(play.state.link, "connecting");
  for (const ms of [2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    assert.equal(delay(play.happen("timer", { name: "hello" })), ms);
    assert.equal(play.state.link, "lost");
  }
  assert.equal(play.sent("hello").length, 11);
});

test("the first answer counts, whichever hello it is to; later ones are nobody's", () => {
  const play = new Play().happen("timer", { name: "hello" });
  const [first, second] = play.sent("hello").map((effect) => effect.message.id);
  play.say({ re: first, type: "hello_ok", state: kernel([connection("a")]) });
  assert.equal(play.state.link, "open");
  assert.ok(play.effects.some((effect) => effect.do === "stop" && effect.name === "hello"));
  play.say({ re: second, type: "hello_ok", state: kernel() });
  assert.equal(play.state.kernel?.connections.length, 1);
  assert.deepEqual(play.happen("timer", { name: "hello" }).effects, []);
});

test("nothing can be done before a kernel has answered, or after it has gone", () => {
  for (const play of [new Play(), Play.open().happen("gone")]) {
    const before = play.state;
    for (const type of [
      "submit",
      "test",
      "new",
      "cancel",
      "more",
      "show",
      "ask-save",
      "look",
      "insist",
      "models",
      "close",
    ]) {
      play.happen(type, { place: "form" });
      assert.deepEqual(play.effects, [], type);
    }
    for (const name of ["check", "use", "tick", "guard 1"])
      assert.deepEqual(play.happen("timer", { name }).effects, [], name);
    assert.deepEqual({ ...play.state, now: 0 }, { ...before, now: 0 });
  }
});

test("a kernel that went and came keeps the draft, not the key, and gets a new check", () => {
  const play = Play.open().happen("edit", { field: "model", value: "opus" }).happen("key", { filled: true });
  play.happen("gone");
  assert.ok(play.clearsKey);
  assert.equal(play.state.link, "connecting");
  assert.equal(play.form.typed, false);
  play.answer("hello", { type: "hello_ok", state: kernel() });
  assert.equal(play.form.draft.model, "opus");
  assert.equal(play.last("check").draft.model, "opus");
});

test("what was running when the kernel went has no other end, not even by a late answer", () => {
  const play = Play.open().happen("key", { filled: true }).happen("submit");
  const { id } = play.last("test");
  play.happen("gone");
  assert.equal(play.form.phase, "untested");
  assert.equal(play.state.trial, null);
  assert.ok(!Object.values(play.state.waiting).some(({ kind }) => kind !== "hello"));
  play.answer("hello", { type: "hello_ok", state: kernel() }).say({ re: id, ...passed() });
  assert.equal(play.form.phase, "untested");
  assert.equal(play.sent("save").length, 0);
});

test("what was saved stays saved when the kernel goes", () => {
  const play = Play.open().happen("submit").answer("test", passed()).answer("save", saved()).happen("gone");
  assert.equal(play.form.saved?.slug, "anthropic");
});

test("every request has a guard; one that is not answered means that nobody is there", () => {
  const play = Play.open().happen("test");
  const { id } = play.last("test");
  assert.ok(
    play.effects.some((effect) => effect.do === "timer" && effect.name === `guard ${id}` && effect.ms > 600_000),
  );
  play.happen("timer", { name: `guard ${id}` });
  assert.equal(play.state.link, "connecting");
  assert.equal(play.form.phase, "untested");
});

test("the guard of a request that was answered does nothing", () => {
  const play = Play.open().happen("test").answer("test", failed("timeout", ""));
  assert.ok(play.effects.some((effect) => effect.do === "stop" && effect.name === `guard ${play.last("test").id}`));
  play.happen("timer", { name: `guard ${play.last("test").id}` });
  assert.equal(play.state.link, "open");
});

/** Each request with a way to it, an answer, and what of the state that decides. @type {[string, () => Play, any, (p: Play) => unknown][]} */
const REQUESTS = [
  ["check", () => Play.open(), { type: "checked", url: "u", key: "needed", problem: null }, (p) => p.form.checked],
  ["models", () => Play.open().happen("look"), { type: "models", ok: true, models: [] }, (p) => p.state.catalogs],
  ["test", () => Play.open().happen("test"), failed("dns", "base_url"), (p) => p.form.result],
  ["save", () => Play.open().happen("submit").answer("test", passed()), saved(), (p) => p.form.saved],
  ["cancel", () => Play.open().happen("test").happen("stop"), { type: "cancelled" }, (p) => p.state.waiting],
  [
    "use",
    () => Play.open(kernel([connection("a")]), { start: "list" }).happen("make-default", { slug: "a" }),
    { type: "state", state: kernel([connection("b")]), notes: [] },
    (p) => p.state.kernel,
  ],
  [
    "remove",
    () => Play.open(kernel([connection("a")]), { start: "list" }).happen("remove", { slug: "a" }),
    { type: "state", state: kernel(), notes: [] },
    (p) => p.state.kernel,
  ],
  [
    "rename",
    () =>
      Play.open(kernel([connection("a")]), { draft: { slug: "a" } })
        .happen("edit", { field: "name", value: "b" })
        .happen("submit"),
    { type: "state", state: kernel([connection("a", { name: "b" })]), notes: [] },
    (p) => p.state.kernel,
  ],
];

for (const [kind, come, answer, decided] of REQUESTS) {
  test(`${kind}: one answer ends it, a second and one for another id change nothing`, () => {
    const play = come();
    const { id } = play.last(kind);
    assert.equal(play.state.waiting[id]?.kind, kind);
    const before = decided(play);
    play.say({ re: id + 1_000_000, ...answer });
    assert.deepEqual(decided(play), before);
    play.say({ re: id, ...answer });
    assert.notDeepEqual(decided(play), before);
    assert.ok(!(id in play.state.waiting));
    const after = play.state;
    play.say({ re: id, ...answer, message: "late" });
    assert.deepEqual({ ...play.state, now: 0 }, { ...after, now: 0 });
    assert.deepEqual(play.effects, []);
  });

  test(`${kind}: an answer of an unknown type is an end, too`, () => {
    const play = come();
    const { id } = play.last(kind);
    play.say({ re: id, type: "something new" });
    assert.ok(!(id in play.state.waiting));
    assert.notEqual(play.form.phase, "saving");
    assert.equal(play.form.phase === "testing", kind === "cancel"); // which ends nothing but itself
  });
}

test("ids count up from where the view begins", () => {
  const play = Play.open().happen("test");
  const ids = play.done.filter((effect) => effect.do === "send").map((effect) => effect.message.id);
  assert.deepEqual(
    ids,
    ids.map((_, n) => FIRST + n),
  );
});

test("messages of another version, without sense, or unasked are no harm; a state is news at any time", () => {
  const play = Play.open();
  for (const message of [
    undefined,
    null,
    7,
    {},
    { v: 2, type: "state", state: kernel([connection("other")]) },
    { v: 1 },
    { v: 1, type: "state" },
  ]) {
    const before = play.state;
    play.happen("message", { message });
    assert.deepEqual({ ...play.state, now: 0 }, { ...before, now: 0 });
  }
  play.say({ type: "state", state: kernel([connection("new")]) });
  assert.equal(play.state.kernel?.connections[0]?.slug, "new");
});

test("a state is no reason to lose what is being typed", () => {
  const play = Play.open().happen("edit", { field: "model", value: "half" }).happen("key", { filled: true });
  play.say({ type: "state", state: kernel([connection("new")]) });
  assert.equal(play.form.draft.model, "half");
  assert.equal(play.form.typed, true);
  assert.ok(!play.clearsKey);
});

test("an event that nothing is known of changes nothing", () => {
  const play = Play.open();
  const before = play.state;
  play.happen("nonsense");
  assert.deepEqual({ ...play.state, now: 0 }, { ...before, now: 0 });
});
