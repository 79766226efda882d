/** One answer as it comes: its thinking, its text, and in a quiet line how it stands. */

import { writer } from "./live_text.js";

/**
 * @typedef {[number, string]} Piece  how many characters came before, and those that are new
 * @typedef {{state: string, said: string, mark?: string, told?: string[]}} Status  one word, a line, and of what is not
 *   simply whole how it ended and why
 * @typedef {{a?: boolean, t?: Piece, k?: Piece, s?: Status}} News  that what came is void, more text, more thinking, and
 *   how it stands now
 */

const UNDER_WAY = new Set(["waiting", "thinking", "answering"]);

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
  take([before, text]) {
    if (before !== this.#length) return; // rather nothing than text with a hole in it: the final output has it all
    this.#length += [...text].length;
    this.#write(text);
  }
}

export class Lane {
  #said = make("span", { class: "xt-live-state" }, "waiting …");
  #text = make("div", { class: "xt-live-text", "aria-busy": "true" });
  #thought = make("div", { class: "xt-live-text" });
  #thinking = make("details", { open: "", hidden: "" });
  #told = make("div");
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
      this.#folds = false; // from now on it is as the reader has it
    });
    this.#thinking.append(summary, this.#thought);
    this.#stop = button("Stop", alone ? "Stop this answer" : `Stop ${label}`, stop);
    // as the output that stays has it: one answer has its line below, several have it under their names
    if (alone) {
      const line = make("p", {}, make("sub", { class: "xt-live-line" }, this.#said, this.#stop));
      this.el = make("div", { class: "xt-live-alone" }, this.#thinking, this.#text, line);
    } else {
      const line = make("p", { class: "xt-live-line" }, this.#said, this.#stop);
      const parts = [make("h4", {}, label), line, this.#thinking, this.#text, this.#told];
      this.el = make("section", { class: "xt-live-lane", "aria-label": label }, ...parts);
    }
    this.el.dataset.state = "waiting";
  }

  get ended() {
    return !UNDER_WAY.has(this.el.dataset.state ?? "");
  }

  /** Show the button. */
  heard() {
    this.#stop.hidden = this.ended;
  }

  /** @param {News} news */
  take({ a, t, k, s }) {
    if (a) this.#again();
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

  /** Forget what came. */
  #again() {
    this.#text.replaceChildren();
    this.#thought.replaceChildren();
    this.#thinking.hidden = true;
    this.#thinking.open = this.#folds = true;
    this.#answer = new Part(this.#text);
    this.#reasoning = new Part(this.#thought);
  }

  /** @param {Status} status */
  #stands({ state, said, mark, told = [] }) {
    this.el.dataset.state = state;
    this.#said.textContent = said;
    const marked = mark ? [make("p", {}, make("strong", {}, `[${mark}]`))] : [];
    this.#told.replaceChildren(...marked, ...told.map((line) => make("p", {}, line)));
    if (!this.ended) return;
    this.#stop.hidden = true;
    this.#text.removeAttribute("aria-busy");
  }
}
