/** The list: which connection is open, which is in use, how their tests go. */

import { connectionOf } from "./draft.js";
import { begun } from "./form.js";
import { ask, timer } from "./requests.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Turn} Turn
 * @typedef {import("./types.js").Kernel} Kernel
 * @typedef {import("./types.js").Connection} Connection
 */

const USE_AFTER = 250; // ms on a row: who walks past with the arrow keys does not mean it

/**
 * Take in what the kernel knows now. The open row stays; at first, and when it is gone, it is the one in use.
 * @param {Turn} turn
 * @param {Kernel | undefined} kernel
 */
export function known(turn, kernel) {
  if (!kernel) return;
  turn.kernel = kernel;
  const open = connectionOf(turn, turn.list.chosen);
  if (!open || open.foreign) turn.list.chosen = slugOf(kernel.target);
}

/** @param {string} target */
export const slugOf = (target) => target.split(":", 1)[0] ?? "";

/**
 * Return the model that a connection is asked for: the one in use, else its default.
 * @param {State} state
 * @param {Connection} connection
 */
export function modelOf(state, { slug, model }) {
  const target = state.kernel?.target ?? "";
  return slugOf(target) === slug ? target.slice(slug.length + 1) : model;
}

/**
 * Open a row; the connection is used from then on, where it can be.
 * @param {Turn} turn
 * @param {string} slug
 */
export function chose(turn, slug) {
  turn.asks = "";
  Object.assign(turn.combo, { open: false, filters: false });
  Object.assign(turn.list, { chosen: slug, failure: null, notes: [] });
  timer(turn, "use", USE_AFTER);
}

/**
 * Use the open row's connection, if it is not in use already; a model makes a difference.
 * @param {Turn} turn
 * @param {string} [model]
 */
export function used(turn, model) {
  const connection = connectionOf(turn, turn.list.chosen);
  if (!connection || connection.fault) return;
  const target = `${connection.slug}:${model || modelOf(turn, connection)}`;
  if (target !== turn.kernel?.target) changing(turn, { type: "use", target, default: false });
}

/**
 * Make a connection, with the model it is asked for, everyone's default.
 * @param {Turn} turn
 * @param {string} slug
 */
export function madeDefault(turn, slug) {
  const connection = connectionOf(turn, slug);
  if (connection) changing(turn, { type: "use", target: `${slug}:${modelOf(turn, connection)}`, default: true });
}

/**
 * Ask for a change of what there is; what was said of the last one is over.
 * @param {Turn} turn
 * @param {{type: string} & Record<string, any>} content
 */
export function changing(turn, content) {
  turn.asks = "";
  Object.assign(turn.list, { failure: null, notes: [] });
  ask(turn, content);
}

/**
 * Test a saved connection as it is; one at a time.
 * @param {Turn} turn
 * @param {string} slug
 */
export function tried(turn, slug) {
  if (!turn.trial) begun(turn, ask(turn, { type: "test", slug }, { about: slug }), slug);
}
