/** What follows from a draft and what the kernel knows. */

import { isClearText, originOf } from "./urls.js";

/**
 * @typedef {import("./types.js").Draft} Draft
 * @typedef {import("./types.js").Preset} Preset
 * @typedef {import("./types.js").Connection} Connection
 * @typedef {import("./types.js").State} State
 */

/** @type {Draft} */
export const NOTHING_SAID = {
  slug: "",
  preset: "",
  base_url: "",
  name: "",
  model: "",
  api: "",
  auth_header: null,
  images: "",
  key_variable: "",
  no_key: false,
  allow_http: null,
  ask_key: false,
};

/**
 * Return the preset of the form's draft. There is one as soon as the kernel has told of any.
 * @param {State} state
 */
export function presetOf({ kernel, form }) {
  const presets = kernel?.presets ?? [];
  return /** @type {Preset} */ (presets.find((row) => row.slug === form.draft.preset) ?? presets[0]);
}

/**
 * Return a connection by its slug.
 * @param {State} state
 * @param {string} slug
 */
export const connectionOf = (state, slug) => state.kernel?.connections.find((each) => each.slug === slug);

/**
 * Return the saved connection that the form changes, if it does.
 * @param {State} state
 */
export const edited = (state) => (state.form.draft.slug ? connectionOf(state, state.form.draft.slug) : undefined);

/**
 * Return where the draft leads, as far as it says.
 * @param {State} state
 */
export const addressOf = (state) => state.form.draft.base_url || presetOf(state).base_url;

/**
 * Say whether the draft's URL is the user's to give: then it is shown, else it stands among the advanced rows.
 * @param {State} state
 */
export function hasOwnUrl(state) {
  const { base_url, own_routes } = presetOf(state);
  return !base_url || own_routes !== "";
}

/**
 * Say what stands for a key: a field, a variable's name, or nothing, since none is needed.
 * @param {State} state
 * @returns {"field" | "variable" | "none"}
 */
export function keyPlace(state) {
  const { draft } = state.form;
  if (draft.key_variable) return "variable";
  if (draft.no_key) return "none";
  return presetOf(state).needs_key || draft.ask_key || keptKey(state) ? "field" : "none";
}

/**
 * Return the last characters of the saved key that an empty field keeps: it stays where its endpoint does.
 * @param {State} state
 */
export function keptKey(state) {
  const saved = edited(state);
  if (!saved?.key || saved.key_variable) return "";
  return originOf(saved.base_url) === originOf(addressOf(state)) ? saved.key : "";
}

/**
 * Say whether a key would cross a network readable by all.
 * @param {State} state
 */
export const crossesInClear = (state) => isClearText(addressOf(state));

/**
 * Say whether nothing but the name differs from what is saved.
 * @param {State} state
 */
export function isRename(state) {
  const saved = edited(state);
  const { draft, typed, makesDefault } = state.form;
  const renamed = { ...NOTHING_SAID, ...saved?.draft, slug: draft.slug, name: draft.name };
  return (
    saved !== undefined &&
    !typed &&
    !["", saved.name].includes(draft.name) &&
    makesDefault === saved.default &&
    JSON.stringify(draft) === JSON.stringify(renamed)
  );
}
