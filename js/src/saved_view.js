/** What is seen once a connection is saved: where it is, what is asked now, how to go on. */

import { button, code, mark, title } from "./fields.js";
import { h } from "./tree.js";

/** @type {(state: import("./types.js").State, saved: import("./types.js").Saved) => import("./tree.js").Tree} */
export const savedView = (_state, { slug, target, key, where, only_here, notes }) =>
  h(
    "div.form",
    h("div.header", title(mark("ok"), "Connected"), h("p.hint", "Ask it in the next cell: ", code("%%ask"))),
    h("p.wide", "This kernel asks ", code(target), " now."),
    h(
      "p.wide",
      only_here ? "Kept for this kernel alone" : "Saved in ",
      !only_here && code(where),
      " as ",
      code(slug),
      ...(key ? [", key ", code(key)] : []),
      ".",
    ),
    notes.map((note) => h("p.wide", mark("warn"), h("bdi", note))),
    h(
      "div.buttons",
      button("cancel", "All connections"),
      !only_here && button("settings", "Edit", { act: { draft: { slug } } }),
      button("new.link", "Connect another"),
    ),
  );
