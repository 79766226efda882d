/**
 * The handshake: a panel is alive only while a kernel answers it.
 *
 *     connecting --hello_ok--> open --no answer, comm gone--> connecting --2 s--> lost --hello_ok--> open
 *
 * A panel restored from a file looks like any other, and what it sends is lost without a word. A kernel that runs a cell
 * may answer only when that ends. So hello is said again and again, ever slower, and whatever is heard first counts.
 */

import { check, fresh, opened } from "./form.js";
import { known } from "./list.js";
import { endAll, timer, VERSION } from "./requests.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Turn} Turn
 */

/** How long each hello is waited for, in ms. The first may get lost while the kernel makes its thread for messages. */
const WAITS = [100, 150, 250, 500, 1000];
const SLOWEST = 30_000;
/** From so many on, it is said that one has to wait. */
export const NOTICED = 3;

/**
 * Return the state that a view begins in: `uid` tells it from others, `first` is its first request's id; where it starts,
 * with which draft, and whether that is to be the default, is what the cell said.
 * @param {{uid: string, first: number, start: string, draft: Partial<import("./types.js").Draft>, isDefault: boolean}} view
 * @returns {State}
 */
export const beginning = ({ uid, first, start, draft, isDefault }) => ({
  uid,
  now: 0,
  link: "connecting",
  hellos: 0,
  view: start === "list" ? "list" : "form",
  kernel: null,
  next: first,
  waiting: {},
  catalogs: {},
  trial: null,
  asks: "",
  form: fresh(draft, isDefault),
  list: { chosen: "", results: {}, notes: [], failure: null },
  combo: { place: "form", open: false, active: -1, text: "", filters: false },
});

/**
 * Say hello, for the first time or again.
 * @param {Turn} turn
 */
export function hello(turn) {
  if (turn.link === "open") return;
  const late = turn.hellos - WAITS.length;
  if (late >= 0) turn.link = "lost";
  const id = turn.next++;
  turn.waiting[id] = { kind: "hello", about: "" };
  turn.effects.push({ do: "send", message: { v: VERSION, id, type: "hello" }, key: "" });
  timer(turn, "hello", WAITS[turn.hellos] ?? Math.min(2000 * 2 ** late, SLOWEST));
  turn.hellos += 1;
}

/**
 * Take it that nobody listens any longer: what was asked has no answer, and the key that was typed is let go.
 * @param {Turn} turn
 */
export function lose(turn) {
  endAll(turn);
  Object.assign(turn, { link: "connecting", hellos: 0, trial: null, asks: "" });
  turn.combo.open = false;
  if (!turn.form.saved) Object.assign(turn.form, { phase: "untested", result: null, held: null, typed: false });
  turn.effects.push({ do: "clear key" });
  hello(turn);
}

/**
 * The kernel has answered: what it knows is shown, and the form begins as the cell said, or goes on.
 * @param {Turn} turn
 * @param {import("./types.js").Message} answer
 */
export function met(turn, { state }) {
  const first = turn.kernel === null;
  endAll(turn, "hello");
  Object.assign(turn, { link: "open", hellos: 0 });
  turn.effects.push({ do: "stop", name: "hello" });
  known(turn, state);
  if (turn.view === "list") return;
  if (first) opened(turn, turn.form.draft, turn.form.makesDefault);
  else check(turn);
}
