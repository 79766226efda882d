/** What a typed base URL leads to, read as the kernel reads it. */

/** A host that is this machine, and its port. */
const HERE = /^(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])(:\d+)?$/;

/**
 * Return scheme, host and port, without the usual port: what a key belongs to. Nothing where there is no host yet.
 *
 * `localhost:11434`, as people type it, is http. So is the address that servers on this machine print as theirs.
 * @param {string} typed
 */
export function originOf(typed) {
  const text = typed.trim();
  try {
    const url = new URL(HERE.test(text.split("/")[0] ?? "") ? `http://${text}` : text);
    return url.protocol.startsWith("http") ? url.origin : "";
  } catch {
    return "";
  }
}

/**
 * Say whether what goes there crosses a network readable by all.
 * @param {string} typed
 */
export function isClearText(typed) {
  const [scheme, host = ""] = originOf(typed).split("//");
  return scheme === "http:" && !HERE.test(host);
}

/**
 * Return a URL as it is read by people: without its scheme.
 * @param {string} url
 */
export const shortly = (url) => url.replace(/^https?:\/\//, "");
