/** Figures, times and failures in words. */

/** @typedef {import("./types.js").Model} Model */

/** @type {Record<string, string>} */
const FAILURES = {
  no_key: "A key is needed",
  bad_key: "The key was refused",
  forbidden: "Not allowed",
  model_missing: "No such model",
  wrong_url: "Wrong URL",
  dns: "Unknown host",
  refused: "Connection refused",
  tls: "No secure connection",
  proxy: "Refused by the proxy",
  timeout: "No answer in time",
  rate_limited: "Too many requests",
  no_credit: "No credit left",
  server: "Server error",
  bad_reply: "Unexpected answer",
  no_model_list: "No list of models",
  check: "Not complete",
  store: "Not saved",
};

/**
 * Return a wire, what it is called, and how it is told by a URL.
 * @param {string} wire
 * @returns {[string, string, string]}
 */
export const wireOf = (wire) =>
  wire === "openai-completions"
    ? [wire, "Chat completions", "/v1/chat/completions"]
    : [wire, "Messages", "/v1/messages"];

/** @type {[string, string][]} The headers that a key may go in, and how they look. */
export const HEADERS = [
  ["x-api-key", "x-api-key"],
  ["bearer", "Authorization: Bearer"],
];

/**
 * Return the heading of a failure.
 * @param {string} kind
 */
export const failure = (kind) => FAILURES[kind] ?? "It did not work";

/**
 * Return a time span as it is shown beside a stage.
 * @param {number} ms
 */
export const span = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/**
 * Return how long ago a time was.
 * @param {number} then
 * @param {number} now
 */
export function ago(then, now) {
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 60 / 24)} days ago`;
}

/**
 * Return what an endpoint says of a model, in a few words.
 * @param {Model} model
 */
export function about(model) {
  const { context, images, price_in, price_out, note } = model;
  return [
    context ? size(context) : "",
    images ? "images" : "",
    typeof price_in === "number" && typeof price_out === "number" ? price(price_in, price_out) : "",
    note,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {number} tokens */
const size = (tokens) =>
  tokens < 1000 ? `${tokens}` : tokens < 1_000_000 ? `${Math.round(tokens / 1000)}k` : `${+(tokens / 1e6).toFixed(1)}M`;

/** @type {(input: number, output: number) => string} */
const price = (input, output) => (input || output ? `$${money(input)} / $${money(output)}` : "free");

/** @param {number} usd */
const money = (usd) => +usd.toFixed(3);
