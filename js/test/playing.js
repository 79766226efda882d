/** A panel without a page or a kernel: events in, what it sends and becomes out; every state is frozen on the way. */

import { NOTHING_SAID } from "../src/draft.js";
import { beginning } from "../src/link.js";
import { reduce } from "../src/reduce.js";

export const FIRST = 1000;

/** @param {string} slug @param {Record<string, any>} more */
const preset = (slug, more) => ({
  slug,
  name: slug[0]?.toUpperCase() + slug.slice(1),
  base_url: "",
  wires: ["anthropic-messages", "openai-completions"],
  needs_key: true,
  key_page: "",
  model_page: "",
  model_form: "",
  default_model: "sonnet",
  guessed: false,
  own_routes: "",
  ...more,
});

export const PRESETS = [
  preset("anthropic", { base_url: "https://api.anthropic.com", wires: ["anthropic-messages"] }),
  preset("openrouter", { base_url: "https://openrouter.ai/api" }),
  preset("ollama", { base_url: "http://localhost:11434", needs_key: false, own_routes: "ollama" }),
  preset("custom", { guessed: true }),
];

/** @param {string} slug @param {Record<string, any>} [more] */
export const connection = (slug, more = {}) => ({
  slug,
  name: slug,
  provider: "Openrouter",
  preset: "openrouter",
  base_url: "https://openrouter.ai/api",
  model: "openai/gpt-4o",
  models: ["openai/gpt-4o", "openai/gpt-4o-mini"],
  wire: "anthropic-messages",
  auth_header: "bearer",
  key: "…wxyz",
  key_from: "credentials.enc",
  key_variable: "",
  saved: true,
  here: false,
  foreign: false,
  fault: "",
  default: false,
  last_used: null,
  images: {},
  all_images: null,
  draft: { ...NOTHING_SAID, slug, preset: "openrouter", name: slug, model: "openai/gpt-4o" },
  ...more,
});

/** @param {any[]} [connections] @param {Record<string, any>} [more] */
export const kernel = (connections = [], more = {}) => ({
  presets: PRESETS,
  connections,
  target: "",
  can_save: true,
  where: "~/.xiantong",
  stages: ["reached", "authenticated", "finished"],
  fault: "",
  ...more,
});

/** A panel that is played with: `happen` one event after the other, and see what it has sent and done. */
export class Play {
  /** @param {{start?: string, draft?: Record<string, any>, isDefault?: boolean}} [cell] */
  constructor({ start = "form", draft = {}, isDefault = false } = {}) {
    this.state = frozen(beginning({ uid: "xt", first: FIRST, start, draft, isDefault }));
    /** @type {any[]} */
    this.effects = [];
    /** @type {any[]} */
    this.done = [];
    this.at = 1_700_000_000_000;
    this.happen("started");
  }

  /** One that a kernel has answered. @param {any} [known] @param {any} [cell] */
  static open(known = kernel(), cell = {}) {
    const play = new Play(cell);
    play.answer("hello", { type: "hello_ok", instance: "i", kernel: "k", state: known });
    return play;
  }

  /** @param {string} type @param {Record<string, any>} [more] */
  happen(type, more = {}) {
    this.at += 10;
    const { state, effects } = reduce(this.state, { type, at: this.at, ...more });
    this.state = frozen(state);
    this.effects = effects;
    this.done = [...this.done, ...effects];
    return this;
  }

  /** Answer the last request of a kind. @param {string} kind @param {Record<string, any>} answer */
  answer(kind, answer) {
    return this.say({ re: this.last(kind)?.id, ...answer });
  }

  /** @param {Record<string, any>} message */
  say(message) {
    return this.happen("message", { message: { v: 1, ...message } });
  }

  /** Everything sent of a kind. @param {string} kind @returns {any[]} */
  sent(kind) {
    return this.done.filter((effect) => effect.do === "send" && effect.message.type === kind);
  }

  /** The last message sent of a kind. @param {string} kind */
  last(kind) {
    return this.sent(kind).at(-1)?.message;
  }

  get form() {
    return this.state.form;
  }

  get focus() {
    return this.effects.flatMap((effect) => (effect.do === "focus" ? [effect.on] : []));
  }

  get clearsKey() {
    return this.effects.some((effect) => effect.do === "clear key");
  }
}

/** @type {<T>(value: T) => T} */
export function frozen(value) {
  if (value !== null && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) frozen(each);
  }
  return value;
}

/** @param {Record<string, any>} [more] */
export const passed = (more = {}) => ({
  type: "result",
  ok: true,
  stages: [{ name: "reached", ms: 80, said: "" }],
  failed_at: "",
  kind: "",
  field: "",
  message: "",
  hint: "",
  url: "https://api.anthropic.com/v1/messages",
  target: "anthropic:sonnet",
  notes: [],
  instead: null,
  key: "…7890",
  ...more,
});

/** @param {string} kind @param {string} field @param {Record<string, any>} [more] */
export const failed = (kind, field, more = {}) =>
  passed({ ok: false, kind, field, failed_at: "authenticated", message: `It is ${kind}.`, hint: "Do that.", ...more });

/** @param {any} [state] @param {Record<string, any>} [more] */
export const saved = (state = kernel([connection("anthropic")], { target: "anthropic:sonnet" }), more = {}) => ({
  type: "saved",
  ok: true,
  slug: "anthropic",
  target: "anthropic:sonnet",
  key: "…7890",
  where: "~/.xiantong",
  only_here: false,
  notes: [],
  state,
  ...more,
});
