/** All answers of a question in one view: columns where there is room, one below the other where there is none. */

import { follower } from "./live_follow.js";
import { button, Lane, make } from "./live_lane.js";

/** @typedef {import("./live_lane.js").News} News */
/**
 * @typedef {{lanes: Record<string, News>, said?: string, first?: boolean}} Message  what is new, by the lane's number, and
 *   of all; whether it begins with the beginning
 */

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
  const said = make("span", { role: "status", "aria-live": "polite" });
  const all = button("Stop all", "Stop all answers", () => stop(null));
  const [lane] = lanes;
  const root =
    alone && lane ? lane.el : make("div", {}, make("div", { class: "xt-live-lanes" }, ...lanes.map((each) => each.el)));
  root.classList.add("xt-live", "jp-RenderedHTMLCommon", alone ? "jp-RenderedMarkdown" : "jp-RenderedHTML");
  if (!alone) root.append(make("p", { class: "xt-live-line" }, said, all));
  const follow = follower(root, signal);
  el.append(root);

  return {
    /** @param {Message[]} messages */
    take(messages) {
      follow(() => {
        for (const message of messages) {
          for (const [at, news] of Object.entries(message.lanes)) lanes[Number(at)]?.take(news);
          if (message.said !== undefined) said.textContent = message.said;
        }
      });
      if (lanes.every((lane) => lane.ended)) all.hidden = true;
    },
    /** The kernel hears the buttons, so they are shown. */
    heard() {
      for (const lane of lanes) lane.heard();
      all.hidden = lanes.every((lane) => lane.ended);
    },
  };
}
