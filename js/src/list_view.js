/** The list as it is seen: what can be asked, what is in use, how it is; the open row says more and can do more. */

import { combobox } from "./combo_view.js";
import { button, code, mark, removal, row, said, title } from "./fields.js";
import { modelOf, slugOf } from "./list.js";
import { stagesOf, words } from "./outcome_view.js";
import { h } from "./tree.js";
import { shortly } from "./urls.js";
import { ago } from "./words.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Connection} Connection
 * @typedef {import("./tree.js").Tree} Tree
 * @typedef {import("./tree.js").Kid} Kid
 */

/** @param {State} state */
export function listView(state) {
  const all = state.kernel?.connections ?? [];
  const ours = all.filter((each) => !each.foreign);
  const theirs = all.filter((each) => each.foreign);
  const some = ours.some((each) => each.draft); // what is embedded was connected by nobody
  return h(
    "div.list",
    h("div.header.line", title("Connections"), some && button("new.end", "New connection")),
    !some && [
      h("p", "Nothing is connected yet. Providers ask for a key; a server on this machine needs none."),
      button("new.primary.start", "Connect a provider"),
    ],
    ours.length > 0 &&
      h(
        "fieldset.rows",
        h("legend.hidden", "What this kernel asks"),
        ours.map((each) => item(state, each)),
      ),
    theirs.length > 0 &&
      h(
        "p.hint",
        "For the desktop app alone: ",
        theirs.flatMap(({ name }, at) => [at && ", ", h("bdi", name)]),
      ),
  );
}

/** @type {(state: State, connection: Connection) => Tree} */
function item(state, connection) {
  const { slug, name, provider, base_url } = connection;
  const open = state.list.chosen === slug;
  const where = provider === name ? shortly(base_url) : provider;
  return h(
    open ? "div.item.chosen" : "div.item",
    { key: slug },
    h(
      "label.head",
      h("input", {
        type: "radio",
        name: "connection",
        id: `row-${slug}`,
        value: slug,
        checked: open,
        on: { change: { type: "choose" } },
      }),
      h(
        "span.who",
        h("bdi.strong", name),
        slugOf(state.kernel?.target ?? "") === slug && h("span.tag.used", "in use"),
        connection.default && h("span.tag", "default"),
        h("span.facts", where && [h("bdi", where), " · "], code(modelOf(state, connection) || "no model")),
      ),
      h("span.health", health(state, connection)),
    ),
    open && detail(state, connection),
  );
}

/** @type {(state: State, connection: Connection) => Kid[]} */
function health({ list, trial, now }, { slug, fault, last_used, saved, here, key }) {
  const tried = list.results[slug];
  if (trial?.slug === slug) return [mark("wait"), "testing …"];
  if (fault) return [mark("bad"), "can't be used"];
  if (tried && !tried.result.ok) return [mark("bad"), `failed ${ago(tried.at, now)}`];
  if (tried || last_used) return [mark("ok"), `worked ${ago(tried?.at ?? last_used ?? 0, now)}`];
  return [saved ? "not tested yet" : here ? "this kernel alone" : key && "from the environment"];
}

/** @type {(state: State, connection: Connection) => Tree} */
function detail(state, connection) {
  const { slug, name, key, key_variable, base_url, fault, model } = connection;
  const running = state.trial?.slug === slug ? state.trial : null;
  const tried = running ? undefined : state.list.results[slug]?.result;
  return h(
    "div.detail",
    fault ? said(fault) : row("model-in-use", "Model", combobox(state, "list", model)),
    h(
      "p.hint",
      base_url && [code(base_url), " · "],
      key ? `key ${key}${key_variable && ` from ${key_variable}`}` : "no key",
    ),
    (running ?? tried) &&
      stagesOf(state, (running ?? tried)?.stages ?? [], { failedAt: tried?.failed_at, runs: running !== null }),
    h("div", { role: "alert" }, tried?.ok === false && words(tried)),
    state.asks === "remove" ? removal(slug, name) : actions(state, connection, running),
  );
}

/** @type {(state: State, connection: Connection, running: import("./types.js").Trial | null) => Tree} */
function actions(state, { slug, saved, here, fault, draft, default: isDefault }, running) {
  return h(
    "div.buttons",
    running
      ? button("stop", "Cancel the test", { off: running.stopping })
      : button("try", "Test", { act: { slug }, off: state.trial !== null || fault !== "" }),
    draft && button("settings", saved ? "Edit" : "Save it …", { act: { draft: saved ? { slug } : draft } }),
    saved && !isDefault && !fault && button("make-default", "Make default", { act: { slug } }),
    (saved || here) && button("ask-remove.link.end", "Remove …"),
  );
}
