/** The form: what is being described, and any edit makes a test of it worth nothing. */

import { listed } from "./catalog.js";
import { connectionOf, isRename, NOTHING_SAID, presetOf } from "./draft.js";
import { askWithKey, settled } from "./key.js";
import { ask, endAll, focus, timer } from "./requests.js";

/**
 * @typedef {import("./types.js").Turn} Turn
 * @typedef {import("./types.js").Form} Form
 * @typedef {import("./types.js").Draft} Draft
 */

const CHECK_AFTER = 250; // ms without another edit

/**
 * @param {Partial<Draft>} draft
 * @param {boolean} [makesDefault]
 * @returns {Form}
 */
export const fresh = (draft, makesDefault = false) => ({
  draft: { ...NOTHING_SAID, ...draft },
  touched: "",
  at: "",
  typed: false,
  turn: 0,
  shown: false,
  held: null,
  note: "",
  phase: "untested",
  saves: false,
  test: null,
  result: null,
  checked: null,
  saved: null,
  more: false,
  makesDefault,
});

/**
 * Show the form on a draft; with a slug, on the settings of that connection, and what else the draft says.
 * @param {Turn} turn
 * @param {Partial<Draft>} said
 * @param {boolean} [makesDefault]
 */
export function opened(turn, said, makesDefault) {
  const saved = said.slug ? connectionOf(turn, said.slug) : undefined;
  const more = Object.fromEntries(Object.entries(said).filter(([, value]) => value));
  const draft = saved ? { ...saved.draft, slug: saved.slug, name: saved.name } : more;
  turn.form = fresh(draft, saved?.default || makesDefault);
  turn.form.draft.preset ||= turn.kernel?.presets[0]?.slug ?? "";
  settled(turn);
  Object.assign(turn, { view: "form", asks: "" });
  turn.effects.push({ do: "clear key" });
  focus(turn, "title");
  turn.form.draft = { ...turn.form.draft, ...more };
  if (more.key_variable) turn.form.at = ""; // named together with the URL, not for the saved one
  settled(turn);
  check(turn);
  looked(turn);
}

/**
 * Leave the form; a key that the kernel still holds for it is let go.
 * @param {Turn} turn
 */
export function left(turn) {
  if (turn.form.held) ask(turn, { type: "cancel", of: turn.form.held.id });
  Object.assign(turn, { view: "list", asks: "", form: fresh({}) });
  turn.effects.push({ do: "clear key" }, { do: "stop", name: "check" });
  focus(turn, "title");
}

/**
 * Change the draft: what was tested is no longer what stands there.
 * @param {Turn} turn
 * @param {Partial<Draft>} change
 */
export function changed(turn, change) {
  turn.form.draft = { ...turn.form.draft, ...change };
  untested(turn);
  timer(turn, "check", CHECK_AFTER);
}

/** @param {Turn} turn */
function untested(turn) {
  turn.asks = "";
  Object.assign(turn.form, { phase: "untested", result: null, note: "" });
}

/**
 * Choose a preset. What belonged to the other one goes with it; the key is judged by where it would go.
 * @param {Turn} turn
 * @param {string} preset
 */
export function presetChosen(turn, preset) {
  changed(turn, { preset, base_url: "", api: "", auth_header: null, model: "", no_key: false, allow_http: null });
  settled(turn);
  looked(turn);
}

/**
 * Take a URL as meant: a key does not follow to another host, and the kernel says which preset the URL belongs to.
 * @param {Turn} turn
 */
export function committed(turn) {
  turn.form.touched = turn.form.draft.base_url;
  settled(turn);
  check(turn);
}

/**
 * Hear that something was typed as key, or taken away: what it is stays in its field.
 * @param {Turn} turn
 * @param {boolean} typed
 */
export function keyTyped(turn, typed) {
  turn.form.typed = typed;
  turn.form.turn += 1;
  untested(turn);
}

/**
 * Ask the kernel what the draft comes to; an older answer is nobody's.
 * @param {Turn} turn
 */
export function check(turn) {
  endAll(turn, "check");
  turn.effects.push({ do: "stop", name: "check" });
  ask(turn, { type: "check", draft: turn.form.draft });
}

/**
 * Ask a server that has routes of its own whether it runs, and what it has.
 * @param {Turn} turn
 */
function looked(turn) {
  if (presetOf(turn).own_routes) listed(turn, "form", true);
}

/**
 * Do what the first button says: save what has passed, rename, or test and then save.
 * @param {Turn} turn
 */
export function submitted(turn) {
  const { form } = turn;
  if (form.phase === "ok") saving(turn, false);
  else if (!isRename(turn)) tested(turn, true);
  else {
    form.phase = "saving";
    ask(turn, { type: "rename", slug: form.draft.slug, name: form.draft.name });
  }
}

/**
 * Test what stands there; the key leaves its field with it.
 * @param {Turn} turn
 * @param {boolean} saves
 */
export function tested(turn, saves) {
  untested(turn);
  committed(turn);
  turn.combo.open = false;
  const { form } = turn;
  form.test = askWithKey(turn, "test", { key: "clear" });
  Object.assign(form, { phase: "testing", saves, typed: false, shown: false });
  begun(turn, form.test, "");
}

/**
 * Watch a test: its stages, and every second.
 * @param {Turn} turn
 * @param {number} id
 * @param {string} slug
 */
export function begun(turn, id, slug) {
  turn.trial = { id, slug, since: turn.now, stages: [], stopping: false };
  timer(turn, "tick", 1000);
}

/**
 * Tell the test that runs to stop; it ends by its own answer.
 * @param {Turn} turn
 */
export function stopped(turn) {
  if (!turn.trial || turn.trial.stopping) return;
  turn.trial = { ...turn.trial, stopping: true };
  ask(turn, { type: "cancel", of: turn.trial.id });
}

/**
 * Save what was tested, or what has failed if that is wanted.
 * @param {Turn} turn
 * @param {boolean} untested
 */
export function saving(turn, untested) {
  const { draft, test, makesDefault } = turn.form;
  turn.asks = "";
  turn.form.phase = "saving";
  ask(turn, { type: "save", of: test, draft, default: makesDefault, untested });
}

/**
 * Take the way that did work, and test it.
 * @param {Turn} turn
 */
export function tookOther(turn) {
  const other = turn.form.result?.instead;
  if (!other) return;
  changed(turn, { ...other.draft, slug: turn.form.draft.slug });
  tested(turn, true);
}
