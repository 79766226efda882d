/** The list of models under a field: what it shows, which one is active. */

import { catalogAt, listed } from "./catalog.js";
import { connectionOf, edited } from "./draft.js";
import { changed } from "./form.js";
import { modelOf, used } from "./list.js";
import { focus } from "./requests.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Turn} Turn
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./catalog.js").Place} Place
 */

/** What the fields are called. */
export const FIELDS = { form: "model", list: "model-in-use" };

/** More options than that are not drawn: a word narrows them down. */
const SHOWN = 60;

/**
 * Return the text in the field.
 * @param {State} state
 * @param {Place} place
 */
export function textAt(state, place) {
  if (place === "form") return state.form.draft.model;
  if (state.combo.filters) return state.combo.text;
  const connection = connectionOf(state, state.list.chosen);
  return connection ? modelOf(state, connection) : "";
}

/**
 * Return the models to choose from, and how many more there are: what is listed, else what is saved, by the words typed.
 * @param {State} state
 * @param {Place} place
 * @returns {{shown: Model[], more: number}}
 */
export function choices(state, place) {
  const catalog = catalogAt(state, place);
  const saved = place === "form" ? edited(state) : connectionOf(state, state.list.chosen);
  const all = catalog?.models.length ? catalog.models : (saved?.models ?? []).map((id) => ({ id }));
  const words = state.combo.filters ? textAt(state, place).toLowerCase().split(/\s+/) : [];
  const found = all.filter(({ id }) => words.every((word) => id.toLowerCase().includes(word)));
  return { shown: found.slice(0, SHOWN), more: Math.max(0, found.length - SHOWN) };
}

/**
 * Open the list, at the model that is named; what is listed is asked for, once.
 * @param {Turn} turn
 * @param {Place} place
 */
export function openedAt(turn, place) {
  Object.assign(turn.combo, { place, open: true, filters: false });
  listed(turn, place, catalogAt(turn, place)?.ok === false);
  turn.combo.active = choices(turn, place).shown.findIndex(({ id }) => id === textAt(turn, place));
  focus(turn, FIELDS[place]);
}

/**
 * Close the list. What was typed for the form is in its draft; elsewhere it is given up.
 * @param {Turn} turn
 */
export const closed = ({ combo }) => Object.assign(combo, { open: false, active: -1, filters: false });

/**
 * Hear what is typed in the field.
 * @param {Turn} turn
 * @param {Place} place
 * @param {string} text
 */
export function typedAt(turn, place, text) {
  Object.assign(turn.combo, { place, open: true, filters: true, text, active: -1 });
  if (place === "form") changed(turn, { model: text });
  listed(turn, place);
}

/**
 * Move through the list by one, round its ends; a closed one opens.
 * @param {Turn} turn
 * @param {Place} place
 * @param {number} by
 */
export function moved(turn, place, by) {
  const { combo } = turn;
  if (!combo.open || combo.place !== place) return openedAt(turn, place);
  const count = choices(turn, place).shown.length;
  const from = combo.active < 0 && by < 0 ? count : combo.active;
  combo.active = count ? (from + by + count) % count : -1;
}

/**
 * Take a model: into the draft, or into use.
 * @param {Turn} turn
 * @param {Place} place
 * @param {string} model
 */
export function taken(turn, place, model) {
  closed(turn);
  if (place === "form") changed(turn, { model });
  else used(turn, model.trim());
}
