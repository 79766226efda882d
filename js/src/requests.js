/** Requests to the kernel: each has an id, a guard, and exactly one end. */

/** @typedef {import("./types.js").Turn} Turn */

export const VERSION = 1;

/** How long an answer is waited for, in ms: guards, since the kernel ends its own work before, a test within 10 minutes. */
const GUARD = 60_000;
const LONG = 11 * GUARD;

/**
 * Send a request and remember what for. `key`: what the key field holds goes along.
 * @param {Turn} turn
 * @param {{type: string} & Record<string, any>} content
 * @param {{about?: string, key?: "" | "keep" | "clear"}} [how]
 */
export function ask(turn, content, { about = "", key = "" } = {}) {
  const id = turn.next;
  turn.next += 1;
  turn.waiting[id] = { kind: content.type, about };
  const ms = content.type === "test" ? LONG : GUARD;
  turn.effects.push(
    { do: "send", message: { v: VERSION, id, ...content }, key },
    { do: "timer", name: `guard ${id}`, ms },
  );
  return id;
}

/**
 * End a request: its answer has come, or is not waited for any longer. Later ones are nobody's.
 * @param {Turn} turn
 * @param {number} id
 */
export function end(turn, id) {
  delete turn.waiting[id];
  turn.effects.push({ do: "stop", name: `guard ${id}` });
}

/**
 * End all requests, or all of one kind.
 * @param {Turn} turn
 * @param {string} [kind]
 */
export function endAll(turn, kind) {
  for (const [id, waiting] of Object.entries(turn.waiting)) {
    if (kind === undefined || waiting.kind === kind) end(turn, Number(id));
  }
}

/**
 * Move the focus to the first of these names that can have it.
 * @param {Turn} turn
 * @param {...string} names
 */
export const focus = (turn, ...names) =>
  turn.effects.push(...names.map((on) => ({ do: /** @type {const} */ ("focus"), on })));

/**
 * Be told of a time: once, or every second while a test runs.
 * @param {Turn} turn
 * @param {string} name
 * @param {number} ms
 */
export const timer = (turn, name, ms) => turn.effects.push({ do: "timer", name, ms });
