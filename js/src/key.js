/** The form's key on its way to the kernel: it goes along where it was typed for, and nowhere else. */

import { addressOf, keyPlace } from "./draft.js";
import { ask } from "./requests.js";
import { originOf } from "./urls.js";

/** @typedef {import("./types.js").Turn} Turn */

/**
 * Let go of a key that was typed, given before or named by its variable for another host than the draft leads to now.
 * @param {Turn} turn
 */
export function settled(turn) {
  const { form } = turn;
  const before = form.at;
  form.at = originOf(addressOf(turn));
  if (!before || before === form.at) return;
  form.held = null;
  if (form.draft.key_variable) {
    form.draft = { ...form.draft, key_variable: "" };
    form.note = `The variable was let go: it was named for ${before}.`;
  }
  if (!form.typed) return;
  form.typed = false;
  form.turn += 1;
  form.note = `The key was cleared: it was typed for ${before}.`;
  turn.effects.push({ do: "clear key" });
}

/**
 * Ask for something about the draft, with its key: the typed one, else that of an earlier test. A URL that was never left
 * counts as meant. `key` says what becomes of what was typed.
 * @param {Turn} turn
 * @param {"test" | "models"} type
 * @param {{about?: string, key: "keep" | "clear"}} how
 */
export function askWithKey(turn, type, { about = "", key }) {
  settled(turn);
  const { draft, typed, held } = turn.form;
  const given = held && !typed ? { of: held.id } : {};
  return ask(turn, { type, draft, ...given }, { about, key: typed && keyPlace(turn) === "field" ? key : "" });
}
