/** What the kernel answers, by what it was asked; each request has one end, and later words of it are nobody's. */

import { NOT_LISTED } from "./catalog.js";
import { hasOwnUrl, presetOf } from "./draft.js";
import { fresh, left, opened, saving } from "./form.js";
import { lose, met } from "./link.js";
import { known } from "./list.js";
import { end, focus, VERSION } from "./requests.js";

/**
 * @typedef {import("./types.js").Turn} Turn
 * @typedef {import("./types.js").Result} Result
 * @typedef {import("./types.js").Message} Message
 */

const NOT_UNDERSTOOD = "The kernel's answer was not understood.";

/** Rows that stand among the advanced ones, for the presets where they do. */
const AMONG_MORE = ["auth_header", "key_variable", "no_key"];

/** @type {Record<string, (turn: Turn, answer: Message, about: string, id: number) => void>} */
const ENDS = {
  hello: (turn, answer) => answer.type === "hello_ok" && met(turn, answer),
  check({ form, kernel }, answer) {
    if (answer.type !== "checked") return;
    form.checked = /** @type {any} */ (answer);
    const meant = form.draft.base_url && form.touched === form.draft.base_url;
    const { preset } = answer;
    if (meant && kernel?.presets.some((row) => row.slug === preset)) form.draft = { ...form.draft, preset };
  },
  models(turn, answer, about) {
    turn.catalogs[about] = { ...NOT_LISTED, ...answer };
  },
  test: testEnded,
  save(turn, answer) {
    if (answer.type !== "saved") return failed(turn, resultOf(answer));
    const saved = /** @type {any} */ (answer);
    turn.form = { ...fresh({}), phase: "saved", saved };
    Object.assign(turn.list, { chosen: saved.slug, notes: [], failure: null });
    known(turn, saved.state);
    turn.effects.push({ do: "clear key" });
    focus(turn, "title");
  },
  use: (turn, answer) => toldOf(turn, answer),
  remove: (turn, answer) => toldOf(turn, answer) && turn.view === "form" && left(turn),
  rename: (turn, answer) => toldOf(turn, answer) && opened(turn, { slug: turn.form.draft.slug }),
};

/**
 * Hear a message of the kernel.
 * @param {Turn} turn
 * @param {Message} message
 */
export function heard(turn, message) {
  if (message?.v !== VERSION) return;
  const { re, type } = message;
  const waiting = turn.waiting[re ?? -1];
  if (re === undefined && type === "state" && turn.link === "open") known(turn, message.state);
  if (re === undefined || !waiting) return;
  if (type === "progress") return progressed(turn, message);
  end(turn, re);
  ENDS[waiting.kind]?.(turn, message, waiting.about, re);
}

/**
 * Give up on a request: whoever does not answer in so long is taken as gone.
 * @param {Turn} turn
 * @param {number} id
 */
export function unanswered(turn, id) {
  if (turn.waiting[id]) lose(turn);
}

/** @type {(turn: Turn, message: Message) => void} */
function progressed(turn, { re, stage, ms, said }) {
  const { trial } = turn;
  if (trial && trial.id === re && stage)
    turn.trial = { ...trial, stages: [...trial.stages, { name: stage, ms, said }] };
}

/**
 * Read a result; what is no such thing is a failure, too.
 * @param {Message} answer
 * @returns {Result}
 */
function resultOf(answer) {
  const nothing = {
    kind: "",
    field: "",
    message: "",
    hint: "",
    url: "",
    target: "",
    failed_at: "",
    key: "",
    notes: [],
    stages: [],
    instead: null,
  };
  if (answer.type === "result") return { ok: false, ...nothing, ...answer };
  return { ok: false, ...nothing, message: NOT_UNDERSTOOD };
}

/** @type {(turn: Turn, answer: Message, slug: string, id: number) => void} */
function testEnded(turn, answer, slug, id) {
  const { form, list } = turn;
  const result = resultOf(answer);
  const stopped = result.kind === "cancelled";
  if (turn.trial?.id === id) turn.trial = null;
  if (slug) {
    if (!stopped) list.results = { ...list.results, [slug]: { result, at: turn.now } };
    return;
  }
  const usable = result.field !== "key" || result.instead; // one that was refused may do in the way that is offered
  form.held = result.key && usable ? { id, key: result.key } : null;
  if (stopped) {
    Object.assign(form, { phase: "untested", note: "The test was cancelled. Nothing was saved." });
  } else if (!result.ok) {
    failed(turn, result);
  } else {
    Object.assign(form, { phase: "ok", result });
    if (form.saves) saving(turn, false);
    else focus(turn, "submit");
  }
}

/**
 * Show a failure, and lead to the field that it is about.
 * @param {Turn} turn
 * @param {Result} result
 */
function failed(turn, result) {
  const { field } = result;
  const among =
    field === "base_url" ? !hasOwnUrl(turn) : field === "api" ? !presetOf(turn).guessed : AMONG_MORE.includes(field);
  Object.assign(turn.form, { phase: "failed", result, more: turn.form.more || among });
  focus(turn, field, "failure");
}

/**
 * Take in what has changed, or that it has not; returns whether it has.
 * @param {Turn} turn
 * @param {Message} answer
 */
function toldOf(turn, answer) {
  if (answer.type === "state") {
    turn.list.notes = answer.notes ?? [];
    known(turn, answer.state);
    return true;
  }
  if (turn.view === "form") failed(turn, resultOf(answer));
  else turn.list.failure = resultOf(answer);
  return false;
}
