/*! Holds streaming-markdown 0.2.15, MIT License, Copyright (c) 2024 Damian Tarnawski: see streaming-markdown.txt beside this file. */
/**
 * The kernel's ear in the page: one invisible widget that says that there is a page, and hears the Stop buttons.
 *
 * A widget that is sent to from a running cell is not heard before the cell has ended, so what is sent goes to others,
 * a sheet for each question, which say nothing. This one draws on them.
 */

import { hearing, unsaved } from "./behind.js";
import { view } from "./live_view.js";

/** When a greeting is repeated, in ms: the first of a page goes to the thread that the cell keeps busy. */
const AGAIN = [0, 50, 100, 150, 250, 400, 700, 1200, 2000];

/** When a long answer may be kept, in ms: it is drawn anew then, and what is selected in it is lost. */
const KEEPING = 20_000;

/** @typedef {import("@anywidget/types").AnyModel} Model */
/** @typedef {{model: Model, el: HTMLElement, signal: AbortSignal, heard: import("./live_view.js").Message[]}} Page */

export default () => ({
  /** @type {import("@anywidget/types").Initialize} */
  initialize({ model, signal }) {
    hearing(model);
    unsaved(model);
    greet(
      model,
      signal,
      () => ({ hello: 0 }),
      () => unsaved(model),
    );
    return {
      /**
       * Draw the answers of one question: `heard` is what its sheet has heard so far.
       * @param {Page} page
       */
      show(page) {
        const number = page.model.get("number");
        const drawn = view(page.el, page.model.get("labels"), page.signal, (lane) =>
          model.send({ stop: number, lane }),
        );
        drawn.take(page.heard);
        page.model.on("msg:custom", (/** @type {import("./live_view.js").Message} */ message) => drawn.take([message]));
        // the first is sent before this view is; where it is missing, the page was slow, and all is to be told again
        const missed = () => !page.heard.some((message) => message.first);
        greet(model, page.signal, () => ({ hello: number, ...(missed() && { missed: true }) }), drawn.heard);
        const keeping = setInterval(() => undisturbed(page.el) && model.send({ keep: number }), KEEPING);
        page.signal.addEventListener("abort", () => clearInterval(keeping));
      },
    };
  },
});

/**
 * Whether a view can be drawn anew without a loss: in JupyterLab nothing moves, elsewhere a long output folds up.
 * @param {HTMLElement} el
 */
function undisturbed(el) {
  const { appName } = JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");
  const selected = document.getSelection();
  const reads = selected !== null && !selected.isCollapsed && selected.containsNode(el, true);
  return appName === "JupyterLab" && !reads && !el.contains(document.activeElement);
}

/**
 * Say hello until it is answered, or nobody is there any more.
 * @param {Model} model
 * @param {AbortSignal} signal
 * @param {() => {hello: number, missed?: true}} said  the number of the sheet, 0 for the page as such
 * @param {() => void} answered
 */
function greet(model, signal, said, answered) {
  const timers = AGAIN.map((after) => setTimeout(() => model.send(said()), after));
  const quiet = () => {
    for (const timer of timers) clearTimeout(timer);
    model.off("msg:custom", hear);
  };
  const hear = (/** @type {{hello?: number}} */ message) => {
    if (message.hello !== said().hello) return;
    quiet();
    if (!signal.aborted) answered();
  };
  model.on("msg:custom", hear);
  signal.addEventListener("abort", quiet);
}
