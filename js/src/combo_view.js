/** A field for a model's id, with the list of those that are known under it; any other can be typed. */

import { catalogAt } from "./catalog.js";
import { choices, FIELDS, textAt } from "./combo.js";
import { button, code, isLocked, mark, typing } from "./fields.js";
import { h } from "./tree.js";
import { about } from "./words.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./catalog.js").Place} Place
 * @typedef {import("./tree.js").Act} Act
 */

/** @type {(state: State, place: Place, placeholder: string) => import("./tree.js").Tree} */
export function combobox(state, place, placeholder) {
  const { combo } = state;
  const text = textAt(state, place);
  const open = combo.open && combo.place === place;
  const { shown, more } = open ? choices(state, place) : { shown: [], more: 0 };
  const listId = "options";
  const lists = { "aria-expanded": shown.length > 0, "aria-controls": listId };
  return h(
    "div.combo",
    { key: place, on: { focusout: { type: "close" } } },
    h(
      "div.joined",
      h("input.input.code", {
        ...typing(state, FIELDS[place]),
        ...lists,
        role: "combobox",
        "aria-autocomplete": "list",
        "aria-activedescendant": shown[combo.active] && `option-${combo.active}`,
        placeholder,
        value: text,
        on: { input: { type: "type", place }, keydown: keys(state, place, open, shown[combo.active]?.id) },
      }),
      button("models.opener", mark("down"), {
        ...lists,
        act: { place },
        tabindex: "-1",
        "data-keeps-focus": true,
        "aria-label": "List the models",
        off: isLocked(state),
      }),
    ),
    h(
      "div.popup",
      { hidden: !open, "data-keeps-focus": true },
      h(
        "ul.options",
        { role: "listbox", id: listId, "aria-label": "Models", hidden: !shown.length },
        shown.map((model, at) =>
          h(
            at === combo.active ? "li.option.active" : "li.option",
            {
              key: model.id,
              id: `option-${at}`,
              role: "option",
              "aria-selected": model.id === text,
              on: { click: { type: "take", place, model: model.id } },
            },
            code(model.id),
            h("span.facts", about(model)),
          ),
        ),
      ),
      h("p.hint", open && noteOf(state, place, shown.length, more)),
    ),
  );
}

/** @type {(state: State, place: Place, open: boolean, active: string | undefined) => Record<string, Act>} */
function keys({ combo }, place, open, active) {
  const typed = place === "list" && combo.filters ? combo.text : "";
  const model = active ?? typed;
  return {
    ArrowDown: { type: "move", place, by: 1 },
    ArrowUp: { type: "move", place, by: -1 },
    ...(open && { Escape: { type: "close" } }),
    ...(model && { Enter: { type: "take", place, model } }),
  };
}

/** @type {(state: State, place: Place, shown: number, more: number) => string} */
function noteOf(state, place, shown, more) {
  const catalog = catalogAt(state, place);
  if (catalog?.asked) return "Asking for the list …";
  if (more) return `${more} more: type a part of the name.`;
  if (catalog?.ok === false) return `${catalog.message} ${catalog.hint} An id can be typed.`;
  if (shown) return "";
  return state.combo.filters ? "Not in the list, but it can be tried." : "It lists none; an id can be typed.";
}
