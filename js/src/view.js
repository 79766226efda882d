/** The whole panel as it is seen, in each of its states. */

import { code, mark, said } from "./fields.js";
import { formView } from "./form_view.js";
import { NOTICED } from "./link.js";
import { listView } from "./list_view.js";
import { failureView, stagesOf } from "./outcome_view.js";
import { savedView } from "./saved_view.js";
import { h } from "./tree.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./tree.js").Kid} Kid
 */

/**
 * Return what is to be seen. What speaks to a screen reader is there from the beginning, empty.
 * @param {State} state
 */
export function view(state) {
  const { link, kernel } = state;
  return h(
    "div",
    link === "lost" &&
      h(
        "div.box.warn",
        { key: "lost" },
        h("p.strong", mark("warn"), "Not connected to a kernel. Run this cell again."),
        h("p", "If it is busy with a cell, this goes on when that ends."),
      ),
    kernel?.fault && h("div.box.warn", { key: "fault" }, said(kernel.fault)),
    kernel && h("fieldset.all", { key: "all", disabled: link !== "open" }, content(state)),
    h(
      "div.status",
      { key: "status", role: "status", "aria-atomic": false, id: "status", tabindex: "-1" },
      status(state),
    ),
    failureView(state),
  ).kids;
}

/** @param {State} state */
function content(state) {
  const { saved } = state.form;
  if (state.view === "list") return listView(state);
  return saved ? savedView(state, saved) : formView(state);
}

/** @type {(state: State) => Kid[]} */
function status(state) {
  if (state.link === "lost") return [];
  if (state.link === "connecting") return state.hellos > NOTICED ? [mark("wait"), "Waiting for the kernel …"] : [];
  return state.view === "list" ? state.list.notes.map(said) : formStatus(state);
}

/** @type {(state: State) => Kid[]} */
function formStatus(state) {
  const { phase, result, note } = state.form;
  const { trial } = state;
  const stages = result?.stages ?? [];
  switch (phase) {
    case "testing": {
      const seconds = Math.round((state.now - (trial?.since ?? state.now)) / 1000);
      return [
        h(
          "p",
          trial?.stopping ? "Cancelling …" : "Testing …",
          h("span.facts", { "aria-hidden": true }, ` ${seconds} s`),
        ),
        stagesOf(state, trial?.stages ?? [], { runs: true }),
      ];
    }
    case "failed":
      return [stages.length > 0 && stagesOf(state, stages, { failedAt: result?.failed_at })];
    case "ok":
      return [
        h("p.wide", mark("ok"), "It works: ", code(result?.target ?? ""), " answered."),
        stagesOf(state, stages, {}),
        ...(result?.notes ?? []).map(said),
      ];
    case "saving":
      return [mark("wait"), "Saving …"];
    default:
      return [note && mark("warn"), note];
  }
}
