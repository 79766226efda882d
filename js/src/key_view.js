/** The rows about a key and about a server that has none: what is typed there is known to its field alone. */

import { catalogAt } from "./catalog.js";
import { addressOf, edited, keptKey, keyPlace, presetOf } from "./draft.js";
import { button, code, line, link, mark, row, typing } from "./fields.js";
import { h } from "./tree.js";
import { originOf } from "./urls.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./tree.js").Kid} Kid
 */

/** @param {State} state */
export function keyRow(state) {
  const { draft, shown } = state.form;
  switch (keyPlace(state)) {
    case "none":
      return false;
    case "variable":
      return line(h("span.label", "API key"), "variable", [
        h("span.wide", "Read from ", code(draft.key_variable)),
        button("edit.link", "Type a key", { act: { field: "key_variable", value: "" } }),
      ]);
    default: {
      const field = h(
        "div.joined",
        h("input.input.code", {
          ...typing(state, "key"),
          type: shown ? "text" : "password",
          autocomplete: "new-password",
          "data-secret": true,
          on: { input: { type: "key" } },
        }),
        button("show", "Show", { "aria-pressed": shown, "aria-label": "Show API key" }),
      );
      return row("key", "API key", field, hint(state));
    }
  }
}

/**
 * @param {State} state
 * @returns {Kid[]}
 */
function hint(state) {
  const { held } = state.form;
  const kept = keptKey(state);
  if (held) return ["Leave it empty to use ", code(held.key), " again."];
  if (kept) return ["Leave it empty to keep the saved key ", code(kept), "."];
  const saved = edited(state);
  if (saved?.key && originOf(addressOf(state))) {
    return [`The saved key belongs to ${originOf(saved.base_url)}.`];
  }
  const { key_page } = presetOf(state);
  return [
    state.form.checked?.key === "optional" && "Only if the endpoint asks for one. ",
    ...(key_page ? ["Get a key: ", link(key_page)] : []),
  ];
}

/**
 * What a server with routes of its own says of itself: whether it runs, its version, what it has.
 * @param {State} state
 */
export function serverRow(state) {
  const { name } = presetOf(state);
  const catalog = catalogAt(state, "form");
  const asked = !catalog || catalog.asked;
  return line(h("span.label", "Server"), "server", [
    h("span.wide", asked ? `Looking for ${name} …` : saying(name, catalog)),
    button("look.link", "Look again", { off: asked }),
    !asked && !catalog.ok && h("p.hint", catalog.hint),
  ]);
}

/** @type {(name: string, catalog: import("./types.js").Listing) => Kid[]} */
function saying(name, { ok, ollama, models, message }) {
  if (!ollama?.running) return [mark("bad"), message || `${name} does not answer.`];
  const version = `${name} ${ollama.version}`;
  if (ollama.too_old) return [mark("warn"), `${version} is too old: update it.`];
  const pulled = `${models.length || "no"} model${models.length === 1 ? "" : "s"} pulled`;
  return ok ? [mark("ok"), `${version} is running · ${pulled}`] : [mark("warn"), message];
}
