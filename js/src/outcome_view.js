/** How a test goes and went: its stages with their times, what failed and what can be done about it. */

import { button, code, mark, question, said } from "./fields.js";
import { h } from "./tree.js";
import { failure, HEADERS, span, wireOf } from "./words.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Stage} Stage
 * @typedef {import("./types.js").Result} Result
 * @typedef {import("./tree.js").Kid} Kid
 */

/** Failures that leave nothing to be saved: it is not all there, or saving is what failed. */
const NOTHING_TO_SAVE = ["check", "no_key", "store"];

/**
 * The stages passed, the one that is under way or failed, and those that are still to come.
 * @param {State} state
 * @param {Stage[]} stages
 * @param {{failedAt?: string | undefined, runs?: boolean}} how
 */
export function stagesOf(state, stages, { failedAt = "", runs = false }) {
  const names = state.kernel?.stages ?? [];
  const coming = runs ? names.filter((name) => stages.every((each) => each.name !== name)) : [];
  return h(
    "ol.stages",
    { "aria-label": "Stages of the test" },
    stages.map(({ name, ms, said }) => stage(name, "ok", said && said !== name ? `${span(ms)} · ${said}` : span(ms))),
    failedAt && stage(failedAt, "bad", "failed"),
    coming.map((name, at) => stage(name, at ? "next" : "wait", "")),
  );
}

/** @type {(name: string, kind: "ok" | "bad" | "next" | "wait", facts: string) => import("./tree.js").Tree} */
const stage = (key, kind, facts) =>
  h(`li.stage.is-${kind}`, { key }, mark(kind), `${key} `, facts && h("bdi.facts", facts));

/**
 * What failed last in this view. The part that is read aloud is always there.
 * @param {State} state
 */
export function failureView(state) {
  const { form, list, view, link } = state;
  const failed = view === "list" ? list.failure : form.phase === "failed" ? form.result : null;
  const result = link === "open" ? failed : null;
  return h(
    result ? "div.box.bad" : "div",
    h("div", { role: "alert", id: "failure", tabindex: "-1" }, result && words(result)),
    result && view === "form" && ways(state, result),
  );
}

/**
 * A failure in words: its kind, the error's own sentence, what to do next, and where it was asked.
 * @param {Result} result
 */
export const words = ({ kind, message, hint, url }) => [
  h("p.strong", mark("bad"), failure(kind)),
  said(message),
  hint && said(hint),
  url && !`${message}${hint}`.includes(url) && h("p.hint", "Asked: ", code(url)),
];

/** @type {(state: State, result: Result) => Kid} */
function ways(state, { kind, instead }) {
  const savable = !NOTHING_TO_SAVE.includes(kind);
  if (state.asks === "save") {
    return question(
      "Save it without a test that passed?",
      button("insist", "Save anyway"),
      button("unask", "Don't save"),
    );
  }
  return (
    (savable || instead) &&
    h(
      "div.buttons",
      instead && button("other", `Use ${otherWay(instead.draft)}`),
      savable && button("ask-save", "Save anyway …"),
    )
  );
}

/** @param {Partial<import("./types.js").Draft>} draft */
const otherWay = ({ api, auth_header }) =>
  [api && wireOf(api)[1], HEADERS.find(([header]) => header === auth_header)?.[1]].filter(Boolean).join(" with ");
