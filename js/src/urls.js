/** What a typed base URL leads to, read as the kernel reads it. */

/**
 * Return scheme, host and port, without the usual port: what a key belongs to. Nothing where there is no host yet.
 *
 * `localhost:11434`, as people type it, is http. So is the address that servers on this machine print as theirs.
 * @param {string} typed
 */
export function originOf(typed) {
  const text = typed.trim();
  try {
    const url = new URL(
      /^(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])(:\d+)?(\/|$)/.test(text) ? `http://${text}` : text,
    );
    return url.protocol.startsWith("http") ? url.origin : "";
  } catch {
    return "";
  }
}

/**
 * Say whether what goes there crosses a network readable by all.
 * @param {string} typed
 */
export const isClearText = (typed) =>
  /^http:\/\/(?!(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])(:\d+)?$)/.test(originOf(typed));

/**
 * Return a URL as it is read by people: without its scheme.
 * @param {string} url
 */
export const shortly = (url) => url.replace(/^https?:\/\//, "");
