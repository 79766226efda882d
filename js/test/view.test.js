/** What is seen, as data: rules that hold in every state. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { h } from "../src/tree.js";
import { view } from "../src/view.js";
import { about, ago, failure, span } from "../src/words.js";
import { connection, failed, kernel, Play, passed, saved } from "./playing.js";

/** @typedef {import("../src/tree.js").Tree} Tree */

const KNOWN = kernel(
  [
    connection("work", { name: "Work", last_used: 1_700_000_000_000 - 3 * 3_600_000 }),
    connection("broken", { fault: "It can't be read." }),
    connection("env", { saved: false, key_variable: "OPENROUTER_API_KEY", default: true }),
    connection("theirs", { foreign: true, name: "Sign-in" }),
  ],
  { target: "work:openai/gpt-4o", fault: "config.json is half a file." },
);

/** @type {Record<string, () => Play>} */
const STATES = {
  connecting: () => new Play(),
  waiting: () => [1, 2, 3].reduce((play) => play.happen("timer", { name: "hello" }), new Play()),
  lost: () => [1, 2, 3, 4, 5].reduce((play) => play.happen("timer", { name: "hello" }), new Play()),
  untested: () => Play.open(),
  custom: () =>
    Play.open()
      .happen("preset", { value: "custom" })
      .happen("edit", { field: "base_url", value: "http://far.example" }),
  ollama: () => Play.open().happen("preset", { value: "ollama" }),
  advanced: () => Play.open().happen("more"),
  models: () =>
    Play.open()
      .happen("models", { place: "form" })
      .answer("models", { type: "models", ok: true, models: [{ id: "a" }] }),
  testing: () => Play.open().happen("test"),
  failed: () => Play.open().happen("test").answer("test", failed("bad_key", "key")),
  asked: () => Play.open().happen("test").answer("test", failed("bad_key", "key")).happen("ask-save"),
  ok: () =>
    Play.open()
      .happen("test")
      .answer("test", passed({ notes: ["A note."] })),
  saving: () => Play.open().happen("submit").answer("test", passed()),
  saved: () => Play.open().happen("submit").answer("test", passed()).answer("save", saved()),
  settings: () => Play.open(KNOWN, { draft: { slug: "work" } }),
  removing: () => Play.open(KNOWN, { draft: { slug: "work" } }).happen("ask-remove"),
  list: () => Play.open(KNOWN, { start: "list" }),
  "list, testing": () => Play.open(KNOWN, { start: "list" }).happen("try", { slug: "work" }),
  "list, failed": () =>
    Play.open(KNOWN, { start: "list" }).happen("try", { slug: "work" }).answer("test", failed("dns", "")),
  "list, empty": () => Play.open(kernel(), { start: "list" }),
  gone: () => Play.open(KNOWN, { start: "list" }).happen("gone"),
};

/** Every element of a tree, in order. @param {(Tree | string)[]} kids @returns {Tree[]} */
const all = (kids) => kids.flatMap((kid) => (typeof kid === "string" ? [] : [kid, ...all(kid.kids)]));

/** The words of a tree. @param {(Tree | string)[]} kids @returns {string} */
const words = (kids) => kids.map((kid) => (typeof kid === "string" ? kid : words(kid.kids))).join("");

for (const [name, come] of Object.entries(STATES)) {
  test(`${name}: ids are unique, names lead somewhere, whatever takes the focus is marked`, () => {
    const trees = all(view(come().state));
    const ids = trees.map(({ attrs }) => attrs.id).filter(Boolean);
    assert.equal(new Set(ids).size, ids.length);
    for (const { tag, attrs } of trees) {
      for (const name of ["for", "aria-labelledby", "aria-controls", "aria-activedescendant", "aria-describedby"]) {
        for (const id of attrs[name]?.split(" ") ?? []) assert.ok(ids.includes(id), `${tag} ${name}=${id}`);
      }
      if (["a", "button", "input", "select"].includes(tag)) assert.equal(attrs["data-lm-suppress-shortcuts"], "true");
      if (tag === "button") assert.equal(attrs.type, "button");
      assert.ok(!("autofocus" in attrs));
      assert.ok(!Object.keys(attrs).some((attr) => attr.startsWith("on") || attr === "style"));
    }
  });

  test(`${name}: what speaks is always there`, () => {
    const trees = view(come().state);
    const roles = all(trees).map(({ attrs }) => attrs.role);
    assert.ok(roles.includes("status") && roles.includes("alert"));
  });
}

test("every act that the view can cause is one that the reducer knows", () => {
  const known = new Set();
  for (const come of Object.values(STATES)) {
    const play = come();
    for (const { on } of all(view(play.state))) {
      for (const act of [on.click, on.input, on.change, on.focusout, ...Object.values(on.keydown ?? {})]) {
        if (act) known.add(act.type);
      }
    }
  }
  for (const type of known) {
    const play = type === "other" ? STATES.failed?.() : Play.open(KNOWN, { draft: { slug: "work" } });
    const before = JSON.stringify(play?.state);
    play?.happen(type, {
      value: "custom",
      field: "model",
      place: "form",
      by: 1,
      slug: "work",
      draft: { slug: "" },
      filled: true,
    });
    const same = JSON.stringify({ ...play?.state, now: 0 }) === JSON.stringify({ ...JSON.parse(before), now: 0 });
    assert.ok(!same || ["close", "stop", "look"].includes(type) || (play?.effects.length ?? 0) > 0, type);
  }
  assert.ok(known.size > 20);
});

test("a kernel that is not there is said, and every control is off", () => {
  assert.match(
    words(view(STATES.lost?.().state ?? Play.open().state)),
    /Not connected to a kernel. Run this cell again/,
  );
  assert.ok(
    !all(view(STATES.lost?.().state ?? Play.open().state)).some(({ tag }) => ["button", "input"].includes(tag)),
  );
  const gone = view(STATES.gone?.().state ?? Play.open().state);
  assert.equal(all(gone).find(({ tag }) => tag === "fieldset")?.attrs.disabled, "");
});

test("what can't be touched is listed and has no button", () => {
  const play = STATES.list?.() ?? Play.open();
  assert.match(words(view(play.state)), /For the desktop app alone: Sign-in/);
  assert.ok(!all(view(play.state)).some(({ value }) => value === "theirs"));
});

test("a list that can't be read says why, and one that is empty how to begin", () => {
  assert.match(words(view(STATES.list?.().state ?? Play.open().state)), /half a file/);
  assert.match(
    words(view(STATES["list, empty"]?.().state ?? Play.open().state)),
    /Nothing is connected yet.*Connect a provider/,
  );
});

test("health is told by words", () => {
  const said = words(view(STATES.list?.().state ?? Play.open().state));
  for (const expected of ["worked 3 h ago", "can't be used", "from the environment", "in use", "default"]) {
    assert.ok(said.includes(expected), expected);
  }
  assert.ok(words(view(STATES["list, failed"]?.().state ?? Play.open().state)).includes("failed just now"));
});

test("an element is described by its name, its attributes and what is in it", () => {
  const tree = h("p.a.b", { id: "x", hidden: false, open: true, "aria-busy": false, title: undefined }, "one", null, [
    "two",
    false,
  ]);
  assert.deepEqual(tree.attrs, { class: "xt-a xt-b", id: "x", open: "", "aria-busy": "false" });
  assert.deepEqual(tree.kids, ["one", "two"]);
  assert.deepEqual(h("p", "one").kids, ["one"]);
  assert.deepEqual(h("p", h("b", "in")).kids.length, 1);
});

test("of a server that does not run, the form says so, and what to do", () => {
  const ollama = { running: false, version: "", too_old: false };
  const play = Play.open(kernel(), { draft: { preset: "ollama" } });
  play.answer("models", { type: "models", ok: false, models: [], ollama, message: "Refused.", hint: "Start it." });
  assert.match(words(view(play.state)), /Refused\..*Start it\./);
});

for (const [model, endpoint, told] of /** @type {[boolean?, boolean?, string?][]} */ ([
  [true, false, "As now: on"],
  [false, true, "As now: off"],
  [undefined, true, "As now: on"],
  [undefined, undefined, "Off"],
])) {
  test(`images of the model ${model}, of the endpoint ${endpoint}: ${told}`, () => {
    const images = model === undefined ? {} : { "openai/gpt-4o": model };
    const preset = { preset: "custom", images, all_images: endpoint ?? null };
    const draft = { ...connection("work").draft, preset: "custom" };
    const play = Play.open(kernel([connection("work", { ...preset, draft })]), { draft: { slug: "work" } });
    const row = all(view(play.state)).find(({ attrs }) => attrs.id === "images");
    assert.equal(words(row?.kids.slice(0, 1) ?? []), told);
  });
}

test("figures are short", () => {
  assert.deepEqual([span(412.4), span(1234)], ["412 ms", "1.2 s"]);
  assert.deepEqual(
    [0, 59_000, 60_000, 3_600_000, 47 * 3_600_000, 3 * 86_400_000].map((ms) => ago(0, ms)),
    ["just now", "just now", "1 min ago", "1 h ago", "47 h ago", "3 days ago"],
  );
  const whole = { id: "m", context: 1_048_576, images: true, price_in: 0.15, price_out: 10, note: "not local" };
  assert.equal(about(whole), "1M · images · $0.15 / $10 · not local");
  assert.equal(about({ id: "m", context: 128_000, price_in: 0, price_out: 0 }), "128k · free");
  assert.equal(about({ id: "m", context: 512 }), "512");
  assert.equal(about({ id: "m" }), "");
  assert.equal(failure("nothing known"), "It did not work");
});
