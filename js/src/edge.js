/**
 * Where the panel meets the kernel and the clock: events in, effects out, until `signal` aborts.
 *
 * The key is asked of the page when a request is sent, and nowhere else: no event, state or tree has it.
 */

import { beginning } from "./link.js";
import { reduce } from "./reduce.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Effect} Effect
 * @typedef {import("./tree.js").Act} Act
 * @typedef {{get(name: string): any, send(content: any): void, on(name: string, hear: (message?: any) => void): void,
 *   off(name: string, hear: (message?: any) => void): void}} Model
 * @typedef {object} Page  what shows the panel
 * @property {(clear: boolean) => string} key  returns what the key field holds, and empties it if told
 * @property {(state: State, focus: string[], byHand: boolean) => void} draw  `focus`: names to try in turn
 */

/** What a model says when its way to the kernel opens or closes. */
const LINK_CHANGES = ["comm:close", "comm_live_update"];

/**
 * Bring a panel to life; returns what the page tells its events to, with whether a person has just made them.
 * @param {{model: Model, signal: AbortSignal, page: Page}} between
 * @returns {(act: Act, byHand?: boolean) => void}
 */
export function live({ model, signal, page }) {
  const first = Math.floor(Math.random() * 2 ** 32) * 2 ** 16; // other views of this model hear the same answers
  const [start, draft, isDefault] = ["start", "draft", "default"].map((name) => model.get(name));
  let state = beginning({ uid: `xt${first.toString(36)}`, first, start, draft, isDefault });
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  const timers = new Map();

  /** @type {(act: Act, byHand?: boolean) => void} */
  function happen(act, byHand = false) {
    if (signal.aborted) return;
    const next = reduce(state, { ...act, at: Date.now() });
    state = next.state;
    next.effects.forEach(perform);
    page.draw(
      state,
      next.effects.flatMap((effect) => (effect.do === "focus" ? [effect.on] : [])),
      byHand,
    );
  }

  /** @param {Effect} effect */
  function perform(effect) {
    switch (effect.do) {
      case "send": {
        const api_key = effect.key ? page.key(effect.key === "clear") : "";
        model.send(api_key ? { ...effect.message, api_key } : effect.message);
        break;
      }
      case "clear key":
        page.key(true);
        break;
      case "timer":
        clearTimeout(timers.get(effect.name));
        timers.set(effect.name, setTimeout(happen, effect.ms, { type: "timer", name: effect.name }));
        break;
      case "stop":
        clearTimeout(timers.get(effect.name));
    }
  }

  const hear = (/** @type {any} */ message) => happen({ type: "message", message });
  const changed = () => happen({ type: "gone" });
  model.on("msg:custom", hear);
  for (const name of LINK_CHANGES) model.on(name, changed);
  signal.addEventListener("abort", () => {
    for (const timer of timers.values()) clearTimeout(timer);
    model.off("msg:custom", hear);
    for (const name of LINK_CHANGES) model.off(name, changed);
  });
  happen({ type: "started" });
  return happen;
}
