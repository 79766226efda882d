/** The edge: a model and a clock in, messages out, until it is taken down. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { live } from "../src/edge.js";
import { kernel } from "./playing.js";

const KEY = "sk-ant-a-marker";

/** What stands in for the kernel's side of a widget, and for the page. @param {Record<string, any>} [traits] */
function parts(traits = {}) {
  /** @type {Map<string, Set<Function>>} */
  const heard = new Map();
  const model = {
    /** @type {any[]} */
    sent: [],
    get: (/** @type {string} */ name) => traits[name],
    send: (/** @type {any} */ message) => void model.sent.push(message),
    on: (/** @type {string} */ name, /** @type {Function} */ hear) =>
      void heard.set(name, (heard.get(name) ?? new Set()).add(hear)),
    off: (/** @type {string} */ name, /** @type {Function} */ hear) => void heard.get(name)?.delete(hear),
    say: (/** @type {any} */ message, name = "msg:custom") => [...(heard.get(name) ?? [])].map((hear) => hear(message)),
    ears: () => [...heard.values()].reduce((sum, each) => sum + each.size, 0),
  };
  const page = {
    field: "",
    /** @type {any[]} */
    drawn: [],
    key(/** @type {boolean} */ clear) {
      const held = page.field;
      if (clear) page.field = "";
      return held;
    },
    draw: (/** @type {any} */ state, /** @type {string[]} */ focus, /** @type {boolean} */ byHand) =>
      void page.drawn.push({ state, focus, byHand }),
  };
  return { model, page, end: new AbortController() };
}

/** Let time pass in small steps, since what is set within one counts from its end. @param {any} context @param {number} ms */
function pass(context, ms) {
  for (let left = ms; left > 0; left -= 10) context.mock.timers.tick(Math.min(10, left));
}

/** @param {ReturnType<typeof parts>} all */
const begin = ({ model, page, end }) => live({ model, page, signal: end.signal });

/** @param {ReturnType<typeof parts>["model"]} model */
const greet = (model) => model.say({ v: 1, re: model.sent[0].id, type: "hello_ok", state: kernel() });

test("hello goes out at once and again until it is answered, and never after the end", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const all = parts({ start: "list" });
  begin(all);
  assert.deepEqual([all.model.sent.length, all.model.sent[0].type, all.model.sent[0].v], [1, "hello", 1]);
  pass(context, 100);
  assert.equal(all.model.sent.length, 2);
  greet(all.model);
  pass(context, 60_000);
  assert.equal(all.model.sent.filter(({ type }) => type === "hello").length, 2);
  assert.equal(all.page.drawn.at(-1).state.view, "list");
  all.model.say(undefined, "comm:close");
  pass(context, 100);
  const sent = all.model.sent.length;
  all.end.abort();
  pass(context, 600_000);
  assert.equal(all.model.sent.length, sent);
  assert.equal(all.model.ears(), 0);
});

test("after two seconds without an answer the panel is lost", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const all = parts();
  begin(all);
  pass(context, 1990);
  assert.equal(all.page.drawn.at(-1).state.link, "connecting");
  pass(context, 10);
  assert.equal(all.page.drawn.at(-1).state.link, "lost");
  greet(all.model);
  assert.equal(all.page.drawn.at(-1).state.link, "open");
});

test("two views of one model have ids of their own, and each hears only its answers", () => {
  const all = parts();
  const other = { ...all, page: parts().page };
  begin(all);
  begin(other);
  const [one, two] = all.model.sent.map(({ id }) => id);
  assert.notEqual(one, two);
  assert.ok(Number.isSafeInteger(one));
  greet(all.model);
  assert.equal(all.page.drawn.at(-1).state.link, "open");
  assert.equal(other.page.drawn.at(-1).state.link, "connecting");
  all.end.abort();
});

test("the key is in the one message that needs it, and then nowhere", () => {
  const all = parts({ draft: {} });
  const happen = begin(all);
  greet(all.model);
  all.page.field = KEY;
  happen({ type: "key", filled: true }, true);
  happen({ type: "models", place: "form" }, true);
  assert.equal(all.model.sent.at(-1).api_key, KEY);
  assert.equal(all.page.field, KEY);
  happen({ type: "submit" }, true);
  const tests = all.model.sent.filter(({ type }) => type === "test");
  assert.deepEqual([tests.length, tests[0].api_key], [1, KEY]);
  assert.equal(all.page.field, "");
  assert.ok(!JSON.stringify(all.page.drawn).includes(KEY));
  const others = all.model.sent.filter(({ type }) => type !== "test" && type !== "models");
  assert.ok(others.length > 0 && !JSON.stringify(others).includes(KEY));
  all.end.abort();
});

test("the page is told what a person did, and where the focus goes", () => {
  const all = parts();
  const happen = begin(all);
  greet(all.model);
  assert.equal(all.page.drawn.at(-1).byHand, false);
  assert.deepEqual(all.page.drawn.at(-1).focus, ["title"]);
  happen({ type: "ask-save" }, true);
  assert.deepEqual([all.page.drawn.at(-1).byHand, all.page.drawn.at(-1).focus], [true, ["unask"]]);
  all.end.abort();
  const drawn = all.page.drawn.length;
  happen({ type: "unask" }, true);
  assert.equal(all.page.drawn.length, drawn);
});

test("a timer that is set again runs once", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const all = parts();
  const happen = begin(all);
  greet(all.model);
  const before = all.model.sent.length;
  for (const value of ["a", "ab", "abc"]) happen({ type: "edit", field: "model", value }, true);
  pass(context, 249);
  assert.equal(all.model.sent.length, before);
  pass(context, 1);
  assert.deepEqual(
    all.model.sent.slice(before).map(({ draft }) => draft.model),
    ["abc"],
  );
  all.end.abort();
});
