/** The models that endpoints list: asked for when somebody looks, and kept by what they were asked with. */

import { addressOf, connectionOf } from "./draft.js";
import { askWithKey, settled } from "./key.js";
import { ask } from "./requests.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Turn} Turn
 * @typedef {import("./types.js").Listing} Listing
 * @typedef {"form" | "list"} Place  of the field that they are for: the form's, or the open row's
 */

/** @type {Listing} */
export const NOT_LISTED = { asked: false, ok: false, models: [], ollama: null, message: "", hint: "" };

/**
 * Return what they are kept by: another key, address or wire may list others.
 * @param {State} state
 * @param {Place} place
 */
function keyOf(state, place) {
  const { draft, turn } = state.form;
  const { api, auth_header, key_variable, slug } = draft;
  if (place === "list") return state.list.chosen;
  return JSON.stringify([addressOf(state), api, auth_header, key_variable, slug, turn]);
}

/**
 * Return what is known of the models for the field at this place.
 * @param {State} state
 * @param {Place} place
 */
export const catalogAt = (state, place) => state.catalogs[keyOf(state, place)];

/**
 * Ask for models, unless they are being asked for; `anew` although there has been an answer.
 * @param {Turn} turn
 * @param {Place} place
 * @param {boolean} [anew]
 */
export function listed(turn, place, anew) {
  const inForm = place === "form";
  if (inForm) settled(turn); // before anything is looked up: without its key an endpoint may list others
  const draft = inForm ? turn.form.draft : connectionOf(turn, turn.list.chosen)?.draft;
  const about = keyOf(turn, place);
  const has = turn.catalogs[about];
  if (!draft || has?.asked || (has && !anew)) return;
  turn.catalogs[about] = { ...NOT_LISTED, ...has, asked: true };
  if (inForm) askWithKey(turn, "models", { about, key: "keep" });
  else ask(turn, { type: "models", draft }, { about });
}
