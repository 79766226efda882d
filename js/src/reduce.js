/**
 * Everything that can happen, and what comes of it: a new state, and effects as data.
 *
 * What happens is written as changes, made to a copy: of the state and of its parts, one level deep. What lies deeper is
 * replaced, never changed.
 */

import { heard, unanswered } from "./answers.js";
import { listed } from "./catalog.js";
import { closed, moved, openedAt, taken, typedAt } from "./combo.js";
import {
  changed,
  check,
  committed,
  keyTyped,
  left,
  opened,
  presetChosen,
  saving,
  stopped,
  submitted,
  tested,
  tookOther,
} from "./form.js";
import { hello, lose } from "./link.js";
import { changing, chose, madeDefault, tried, used } from "./list.js";
import { focus, timer } from "./requests.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Turn} Turn
 * @typedef {import("./types.js").Event} Event
 * @typedef {import("./types.js").Effect} Effect
 * @typedef {Record<string, (turn: Turn, event: Event) => void>} Happenings
 */

/** @type {Happenings} What the kernel, the clock and the widget say. */
const OF_ITSELF = {
  started: hello,
  gone: lose,
  message: (turn, { message }) => heard(turn, message),
  timer(turn, { name }) {
    if (name === "hello") hello(turn);
    else if (turn.link !== "open") return;
    else if (name === "check") check(turn);
    else if (name === "use") used(turn);
    else if (name !== "tick") unanswered(turn, Number(name.slice(6)));
    else if (turn.trial) timer(turn, name, 1000);
  },
};

/** @type {Happenings} What a person does at any time, while a kernel listens. */
const BY_HAND = {
  show: ({ form }) => Object.assign(form, { shown: !form.shown }),
  more: ({ form }) => Object.assign(form, { more: !form.more }),
  close: closed,
  stop: stopped,
  cancel: (turn) => (turn.form.phase === "testing" ? stopped(turn) : turn.form.phase !== "saving" && left(turn)),
};

/** @type {Happenings} What a person does while nothing is being tested or saved by the form. */
const BY_FREE_HAND = {
  // the form
  preset: (turn, { value }) => presetChosen(turn, value),
  edit: (turn, { field, value }) => changed(turn, { [field]: field === "auth_header" ? value || null : value }),
  commit: committed,
  key: (turn, { filled }) => keyTyped(turn, filled),
  default: ({ form }, { value }) => Object.assign(form, { makesDefault: value }),
  look: (turn) => listed(turn, "form", true),
  submit: submitted,
  test: (turn) => tested(turn, false),
  other: tookOther,
  insist: (turn) => saving(turn, true),

  // the list of models
  models: (turn, { place }) => (turn.combo.open && turn.combo.place === place ? closed(turn) : openedAt(turn, place)),
  type: (turn, { place, value }) => typedAt(turn, place, value),
  move: (turn, { place, by }) => moved(turn, place, by),
  take: (turn, { place, model }) => taken(turn, place, model),

  // the list of connections
  new: (turn) => opened(turn, {}),
  settings: (turn, { draft }) => opened(turn, draft),
  choose: (turn, { value }) => chose(turn, value),
  try: (turn, { slug }) => tried(turn, slug),
  "make-default": (turn, { slug }) => madeDefault(turn, slug),

  // what is asked once more
  "ask-save": (turn) => asked(turn, "save"),
  "ask-remove": (turn) => asked(turn, "remove"),
  unask(turn) {
    focus(turn, `ask-${turn.asks}`);
    turn.asks = "";
  },
  remove: (turn, { slug }) => changing(turn, { type: "remove", slug }),
};

/** @type {(turn: Turn, what: "save" | "remove") => void} */
function asked(turn, what) {
  turn.asks = what;
  focus(turn, "unask");
}

/**
 * Return what comes of an event. `event.at` is its time in ms since 1970.
 * @param {State} state
 * @param {Event} event
 * @returns {{state: State, effects: Effect[]}}
 */
export function reduce(state, event) {
  const { form, list, combo, waiting, catalogs, link } = state;
  /** @type {Turn} */
  const turn = {
    ...state,
    now: event.at,
    form: { ...form },
    list: { ...list },
    combo: { ...combo },
    waiting: { ...waiting },
    catalogs: { ...catalogs },
    effects: [],
  };
  const free = form.phase !== "testing" && form.phase !== "saving";
  const happens = { ...OF_ITSELF, ...(link === "open" && BY_HAND), ...(link === "open" && free && BY_FREE_HAND) };
  happens[event.type]?.(turn, event);
  const { effects, ...next } = turn;
  return { state: next, effects };
}
