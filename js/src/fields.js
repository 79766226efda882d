/** The parts that forms are made of: rows of a label and a field, marks, buttons. */

import { h } from "./tree.js";
import { shortly } from "./urls.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./tree.js").Tree} Tree
 * @typedef {import("./tree.js").Kid} Kid
 * @typedef {import("./tree.js").Act} Act
 * @typedef {import("./tree.js").Given} Given
 */

/**
 * Say whether what stands in the form is being tested or saved, and so is not to be changed.
 * @param {State} state
 */
export const isLocked = ({ form }) => form.phase === "testing" || form.phase === "saving";

/**
 * Return the attributes of a field: its id, what describes it, whether it is wrong.
 * @param {State} state
 * @param {string} name
 * @param {boolean} [wrong]  for another reason than the last failure
 * @returns {Given}
 */
export function named(state, name, wrong = false) {
  const failed = state.form.phase === "failed" && state.form.result?.field === name;
  return {
    id: name,
    "aria-describedby": failed ? `${name}-hint failure` : `${name}-hint`,
    "aria-invalid": failed || wrong,
  };
}

/**
 * A row: what it is called, its field, and a line or two about it, one for each hint.
 * @param {string} name  of the field
 * @param {string} label
 * @param {Kid} field
 * @param {...(Kid | Kid[])} hints
 */
export const row = (name, label, field, ...hints) =>
  line(h("label.label", { for: name }, label), name, field, [
    h(
      "div.hints",
      { id: `${name}-hint` },
      hints.map((hint) => hint && h("p.hint", hint)),
    ),
  ]);

/**
 * A row without a field of its own: facts, or boxes to tick. Without a label it stands where the fields do.
 * @param {Kid} label
 * @param {string} key
 * @param {...(Kid | Kid[])} kids
 */
export const line = (label, key, ...kids) =>
  h("div.row", { key }, label, h(label ? "div.field" : "div.field.alone", ...kids));

/**
 * Return the attributes of a field to type into, which a browser neither completes nor corrects.
 * @param {State} state
 * @param {string} name
 * @param {boolean} [wrong]
 * @returns {Given}
 */
export const typing = (state, name, wrong) => ({
  ...named(state, name, wrong),
  type: "text",
  dir: "ltr",
  autocomplete: "off",
  autocapitalize: "off",
  spellcheck: "false",
  readonly: isLocked(state),
});

/**
 * A field for one of the draft's texts.
 * @param {State} state
 * @param {"base_url" | "name" | "key_variable"} name
 * @param {Given} given
 */
export const text = (state, name, given) =>
  h(name === "name" ? "input.input" : "input.input.code", {
    ...typing(state, name),
    value: state.form.draft[name],
    on: { input: { type: "edit", field: name } },
    ...given,
  });

/**
 * A choice of one of the draft's values, among few.
 * @param {State} state
 * @param {"images" | "auth_header"} name
 * @param {[string, string][]} options  value and words
 */
export const choice = (state, name, options) =>
  h(
    "div.select",
    h(
      "select.input",
      {
        ...named(state, name),
        value: state.form.draft[name] ?? "",
        on: { change: { type: "edit", field: name } },
      },
      options.map(([value, words]) => h("option", { value }, words)),
    ),
  );

/**
 * A box to tick.
 * @param {string} name
 * @param {boolean} checked
 * @param {string} words
 * @param {Act} [act]
 */
export const tick = (name, checked, words, act = { type: "edit", field: name }) =>
  line(null, name, h("label.tick", h("input", { type: "checkbox", id: name, checked, on: { change: act } }), words));

/**
 * A button, which says its own name to the reducer. One that can't be used now stays where it is, and keeps the focus.
 * @param {string} what  its name, and classes of its own
 * @param {Kid | Kid[]} words
 * @param {{off?: boolean, act?: Record<string, any>} & Given} [how]
 */
export function button(what, words, { off = false, act, ...given } = {}) {
  const [type = "", ...classes] = what.split(".");
  return h(
    ["button.button", ...classes].join("."),
    {
      type: "button",
      id: type,
      key: type,
      "aria-disabled": off,
      on: { click: { type, ...act } },
      ...given,
    },
    words,
  );
}

/**
 * A question to a person, with its answers.
 * @param {Kid | Kid[]} words
 * @param {...Kid} answers
 */
export const question = (words, ...answers) =>
  h(
    "div.buttons",
    { role: "group", "aria-labelledby": "question", on: { keydown: { Escape: { type: "unask" } } } },
    h("p.wide", { id: "question" }, words),
    ...answers,
  );

/**
 * Ask once more before a connection goes.
 * @param {string} slug
 * @param {string} name
 */
export const removal = (slug, name) =>
  question(
    ["Remove ", h("bdi", name), " and its key everywhere?"],
    button("remove.danger", "Remove", { act: { slug } }),
    button("unask", "Keep it"),
  );

/**
 * Code as it is typed: an id, a URL, a name of a variable.
 * @param {string} words
 */
export const code = (words) => h("bdi.code", words);

/**
 * Somebody else's words: which way they run is told by themselves.
 * @param {string} words
 */
export const said = (words) => h("p.wide", h("bdi", words));

/**
 * What a view is called; the focus goes there when another view comes.
 * @param {...Kid} words
 */
export const title = (...words) => h("h3.title", { id: "title", tabindex: "-1" }, ...words);

/**
 * A link to a page of the provider, in a tab of its own.
 * @param {string} href
 */
export const link = (href) =>
  h(
    "a.link",
    { href, target: "_blank", rel: "noopener noreferrer" },
    shortly(href),
    h("span.hidden", " (opens in a new tab)"),
  );

/**
 * A mark that says in a picture what words beside it say, too.
 * @param {"ok" | "bad" | "warn" | "wait" | "next" | "down" | "right"} kind
 */
export const mark = (kind) => h(`span.mark.mark-${kind}`, { "aria-hidden": true });
