/** All answers of a question in one view: columns where there is room, one below the other where there is none. */

import { follower } from "./live_follow.js";
import { button, Lane, make } from "./live_lane.js";

/** @typedef {import("./live_lane.js").News} News */
/** @typedef {{lanes: Record<string, News>}} Message  what is new, by the lane's number */

/**
 * Draw what was heard so far, and what comes.
 * @param {HTMLElement} el
 * @param {string[]} labels
 * @param {AbortSignal} signal
 * @param {(lane: number | null) => void} stop  stops one, or all
 */
export function view(el, labels, signal, stop) {
  const alone = labels.length === 1;
  const lanes = labels.map((label, at) => new Lane(label, alone, () => stop(at)));
  const count = make("span", { role: "status", "aria-live": "polite" });
  const all = button("Stop all", "Stop all answers", () => stop(null));
  const bar = make("div", { class: "xt-live-bar" }, count, all);
  const grid = make("div", { class: "xt-live-lanes" }, ...lanes.map((lane) => lane.el));
  const root = make(
    "div",
    { class: "xt-live", "data-lanes": String(labels.length) },
    ...(alone ? [grid] : [bar, grid]),
  );
  const follow = follower(root, signal);
  let heard = false;
  el.append(root);

  function counted() {
    const ended = lanes.filter((lane) => lane.ended).length;
    const words = `${ended} of ${lanes.length} finished`;
    if (count.textContent !== words) count.textContent = words;
    all.hidden = !heard || ended === lanes.length;
  }

  counted();
  return {
    /** @param {Message[]} messages */
    take(messages) {
      follow(() => {
        for (const message of messages) {
          for (const [at, news] of Object.entries(message.lanes)) lanes[Number(at)]?.take(news);
        }
        counted();
      });
    },
    /** The kernel hears the buttons, so they are shown. */
    heard() {
      heard = true;
      for (const lane of lanes) lane.heard();
      counted();
    },
  };
}
