/** One answer as it comes: its thinking, its text, and in a quiet line how it stands. */

import { writer } from "./live_text.js";

/**
 * @typedef {{o: number, d: string}} Piece  characters, and how many came before them
 * @typedef {"waiting" | "thinking" | "answering" | "finished" | "incomplete" | "failed" | "stopped"} State
 * @typedef {{state?: State, said?: string, figures?: string[], error?: string, hint?: string}} Status
 *   `said` is what is told in place of the state's word
 * @typedef {{t?: Piece, k?: Piece, s?: Status}} News  more text, more thinking, and what has changed of the status
 */

const ENDED = new Set(["finished", "incomplete", "failed", "stopped"]);
const UNDER_WAY = new Set(["waiting", "thinking", "answering"]);
const RENDERED = "jp-RenderedHTMLCommon jp-RenderedMarkdown";

/**
 * Make an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} kids
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...kids) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...kids);
  return made;
}

/**
 * Make a button, hidden until it is known to be heard.
 * @param {string} words
 * @param {string} label  what it is to who hears it alone
 * @param {() => void} press
 */
export function button(words, label, press) {
  const made = make(
    "button",
    { type: "button", class: "xt-live-stop", "aria-label": label, "data-lm-suppress-shortcuts": "true", hidden: "" },
    words,
  );
  made.addEventListener("click", () => {
    made.disabled = true;
    made.textContent = "Stopping…";
    press();
  });
  return made;
}

/** A part of an answer, written on as long as no piece is missing. */
class Part {
  #length = 0;
  #write;

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#write = writer(box);
  }

  /** @param {Piece} piece */
  take({ o, d }) {
    if (o !== this.#length) return; // rather nothing than text with a hole in it: the final output has it all
    this.#length += d.length;
    this.#write(d);
  }
}

export class Lane {
  /** @type {State} */
  #state = "waiting";
  #said = make("span", { class: "xt-live-said" }, "waiting…");
  #figures = make("span", { class: "xt-live-figures" });
  #text = make("div", { class: "xt-live-text", "aria-busy": "true" });
  #thought = make("div", { class: "xt-live-text" });
  #thinking = make("details", { class: "xt-live-thinking", open: "", hidden: "" });
  #error = make("div", { class: "xt-live-error", hidden: "" });
  #folds = true;
  #answer = new Part(this.#text);
  #reasoning = new Part(this.#thought);
  #stop;

  /**
   * @param {string} label
   * @param {boolean} alone  whether it is the only one
   * @param {() => void} stop
   */
  constructor(label, alone, stop) {
    const summary = make("summary", { "data-lm-suppress-shortcuts": "true" }, "Thinking");
    summary.addEventListener("click", () => {
      this.#folds = false; // from now on it stays as the reader has it
    });
    this.#thinking.append(summary, this.#thought);
    this.#stop = button("Stop", alone ? "Stop this answer" : `Stop ${label}`, stop);
    const body = make("div", { class: `xt-live-body ${RENDERED}` }, this.#thinking, this.#text);
    if (alone) {
      body.append(make("p", {}, make("sub", { class: "xt-live-line" }, this.#said, this.#figures, this.#stop)));
      this.el = make("section", { class: "xt-live-lane", "aria-label": label }, body);
    } else {
      const head = make("div", { class: "xt-live-head" }, make("strong", {}, label), this.#said, this.#stop);
      this.el = make("section", { class: "xt-live-lane", "aria-label": label }, head, body, this.#error, this.#figures);
    }
    this.el.dataset.state = this.#state;
  }

  get ended() {
    return ENDED.has(this.#state);
  }

  /** Show the button. */
  heard() {
    this.#stop.hidden = this.ended;
  }

  /** @param {News} news */
  take({ t, k, s }) {
    if (k !== undefined) {
      this.#thinking.hidden = false;
      this.#reasoning.take(k);
    }
    if (t !== undefined) {
      if (this.#folds) this.#thinking.open = this.#folds = false;
      this.#answer.take(t);
    }
    if (s !== undefined) this.#stands(s);
  }

  /** @param {Status} status */
  #stands({ state = this.#state, said, figures, error, hint }) {
    this.#state = state;
    this.el.dataset.state = state;
    const words = said || (UNDER_WAY.has(state) ? `${state}…` : state);
    if (this.#said.textContent !== words) this.#said.textContent = words;
    if (figures !== undefined) this.#figures.textContent = figures.join(" · ");
    if (error) {
      this.#error.replaceChildren(make("p", {}, error), ...(hint ? [make("p", {}, hint)] : []));
      this.#error.hidden = false;
    }
    if (!this.ended) return;
    this.#stop.hidden = true;
    this.#text.removeAttribute("aria-busy");
  }
}
