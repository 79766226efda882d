/** The form as it is seen: the setup of a connection, and the settings of a saved one. */

import { combobox } from "./combo_view.js";
import { crossesInClear, edited, hasOwnUrl, isRename, keyPlace, presetOf } from "./draft.js";
import { button, choice, code, isLocked, line, link, mark, named, removal, row, text, tick, title } from "./fields.js";
import { keyRow, serverRow } from "./key_view.js";
import { h } from "./tree.js";
import { shortly } from "./urls.js";
import { HEADERS, wireOf } from "./words.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./tree.js").Tree} Tree
 * @typedef {import("./tree.js").Kid} Kid
 * @typedef {import("./tree.js").Act} Act
 */

/** @param {State} state */
export function formView(state) {
  const saved = edited(state);
  const { guessed, wires, own_routes } = presetOf(state);
  const { draft, makesDefault, phase } = state.form;
  return h(
    "form.form",
    {
      "aria-labelledby": "title",
      autocomplete: "off",
      novalidate: true,
      on: { keydown: keys(state) },
    },
    h(
      "div.header",
      title(saved ? "Settings of " : "Connect a provider", saved && h("bdi", saved.name)),
      h("p.hint", saved ? [saved.provider, " · ", code(saved.slug)] : intro(state)),
    ),
    h(
      "fieldset.fields",
      { "aria-disabled": isLocked(state) },
      saved ? nameRow(state) : presetRow(state),
      hasOwnUrl(state) && urlRow(state),
      guessed && wires.length > 1 && wireRow(state),
      crossesInClear(state) &&
        keyPlace(state) !== "none" &&
        tick("allow_http", draft.allow_http === true, "Send the key by http://, readable by all on the way"),
      keyRow(state),
      own_routes && serverRow(state),
      modelRow(state),
      !saved && nameRow(state),
      guessed && imagesRow(state),
      moreRows(state),
      tick("default", makesDefault, "Make it the default of every notebook", { type: "default" }),
    ),
    state.asks === "remove" && saved ? removal(saved.slug, saved.name) : buttons(state, phase),
  );
}

/**
 * @param {State} state
 * @returns {Record<string, Act>}
 */
function keys({ form }) {
  return form.phase === "testing" ? { Escape: { type: "stop" } } : { Enter: { type: "submit" } };
}

/** @param {State} state */
const intro = ({ kernel }) =>
  kernel?.can_save
    ? ["Tested first, then saved in ", code(kernel.where), " for every notebook and the desktop app."]
    : "Nothing can be saved here: it is kept for this kernel alone.";

/** @param {State} state */
const presetRow = (state) =>
  cards(
    state,
    "preset",
    "Provider",
    { type: "preset" },
    state.form.draft.preset,
    (state.kernel?.presets ?? []).map(({ slug, name, base_url }) => [slug, name, shortly(base_url) || "any endpoint"]),
  );

/** @param {State} state */
function wireRow(state) {
  const { wires } = presetOf(state);
  const { draft, checked } = state.form;
  const chosen = draft.api || checked?.wire || wires[0] || "";
  return cards(state, "api", "Protocol", { type: "edit", field: "api" }, chosen, wires.map(wireOf));
}

/**
 * A choice of which each part says more about itself.
 * @param {State} state
 * @param {string} name
 * @param {string} legend
 * @param {Act} act
 * @param {string} chosen
 * @param {[string, string, string][]} options  value, words, more about it
 */
const cards = (state, name, legend, act, chosen, options) =>
  h(
    "fieldset.row",
    { key: name, "aria-describedby": named(state, name)["aria-invalid"] ? "failure" : undefined },
    h("legend.label", legend),
    h(
      "div.field.cards",
      options.map(([value, words, more]) =>
        h(
          value === chosen ? "label.card.chosen" : "label.card",
          { key: value },
          h("input", {
            type: "radio",
            name: name,
            id: value === chosen ? name : `${name}-${value}`,
            value,
            checked: value === chosen,
            on: { change: act },
          }),
          h("span.wide", words, h("span.facts", more)),
        ),
      ),
    ),
  );

/** @param {State} state */
function urlRow(state) {
  const { draft, checked, touched } = state.form;
  const problem = checked?.problem;
  const wrong = problem?.field === "base_url" && !problem.missing && touched === draft.base_url;
  const field = text(state, "base_url", {
    "aria-invalid": wrong || named(state, "base_url")["aria-invalid"],
    inputmode: "url",
    placeholder: presetOf(state).base_url || "https://host.example/v1",
    on: { input: { type: "edit", field: "base_url" }, change: { type: "commit" } },
  });
  const told = wrong
    ? [mark("bad"), `${problem.message} ${problem.hint}`]
    : checked?.url && ["Asks ", code(checked.url)];
  return row("base_url", "Base URL", field, told);
}

/** @param {State} state */
function modelRow(state) {
  const { default_model, model_form, model_page } = presetOf(state);
  const field = combobox(state, "form", state.form.checked?.model || default_model);
  return row("model", "Model", field, [model_form, ...(model_page ? [" · ", link(model_page)] : [])]);
}

/** @param {State} state */
function nameRow(state) {
  const placeholder = state.form.checked?.name || presetOf(state).name;
  return row("name", "Name", text(state, "name", { dir: "auto", placeholder }));
}

/** @param {State} state */
function imagesRow(state) {
  const saved = edited(state);
  const on = saved?.images[saved.model] ?? saved?.all_images ?? null; // the word on the model counts first
  const off = presetOf(state).guessed && on === null;
  /** @type {[string, string][]} */
  const options = [
    ["", off ? "Off" : on === null ? "As the provider says" : `As now: ${on ? "on" : "off"}`],
    ["model", "On for this model"],
    ["all", "On for the whole endpoint"],
  ];
  return row("images", "Images", choice(state, "images", off ? options : [...options, ["none", "Off"]]));
}

/** @param {State} state */
function moreRows(state) {
  const { more, draft } = state.form;
  const { guessed, wires, needs_key } = presetOf(state);
  const id = "advanced";
  const words = [mark(more ? "down" : "right"), "Advanced"];
  return [
    line(null, "more", button("more.quiet", words, { "aria-expanded": more, "aria-controls": id })),
    h(
      "div.more",
      { key: "advanced", id, hidden: !more },
      ...(more
        ? [
            !hasOwnUrl(state) && urlRow(state),
            !guessed && wires.length > 1 && wireRow(state),
            headerRow(state),
            row(
              "key_variable",
              "Key variable",
              text(state, "key_variable", { placeholder: "MY_API_KEY" }),
              "Names the environment variable that holds the key.",
            ),
            !guessed && imagesRow(state),
            needs_key
              ? tick("no_key", draft.no_key, "This endpoint needs no key")
              : tick("ask_key", draft.ask_key, "This endpoint needs a key"),
          ]
        : []),
    ),
  ];
}

/** @param {State} state */
const headerRow = (state) =>
  row("auth_header", "Key sent as", choice(state, "auth_header", [["", "Usual for this endpoint"], ...HEADERS]));

/** @type {(state: State, phase: string) => Tree} */
function buttons(state, phase) {
  const locked = isLocked(state);
  return h(
    "div.buttons",
    button("submit.primary", phase === "ok" ? "Save" : isRename(state) ? "Rename" : "Test and save", { off: locked }),
    button("test", "Test", { off: locked }),
    button("cancel", "Cancel", {
      off: phase === "saving" || state.trial?.stopping === true,
    }),
    edited(state) && button("ask-remove.link.end", "Remove …", { off: locked }),
  );
}
