/** What is to be seen, as data: elements with attributes, handlers and children. */

/**
 * @typedef {{type: string} & Record<string, any>} Act  what a handler says to the reducer
 * @typedef {{click?: Act, input?: Act, change?: Act, focusout?: Act, keydown?: Record<string, Act>}} Handlers
 * @typedef {{tag: string, key: string, attrs: Record<string, string>, value: string | undefined,
 *   checked: boolean | undefined, on: Handlers, kids: (Tree | string)[]}} Tree
 * @typedef {Tree | string | false | null | undefined | 0} Kid
 * @typedef {{key?: string, on?: Handlers, value?: string, checked?: boolean, tag?: undefined} & {[name: string]: any}} Given
 *   `true` is an attribute without a value, nothing is none; those of ARIA say both, and only undefined is none
 */

const FOCUSABLE = new Set(["a", "button", "input", "select"]);

/**
 * Describe an element: `p.hint.wide` is a paragraph of these classes, to which the prefix of all is added.
 *
 * `key` tells it from its siblings: whatever may come and go has one. Everything that takes the focus is marked, so that
 * a notebook's own shortcuts leave it alone.
 * @param {string} what
 * @param {...(Given | Kid | Kid[])} more  attributes, if any, then what is in it
 * @returns {Tree}
 */
export function h(what, ...more) {
  const [tag = "", ...classes] = what.split(".");
  const given = isGiven(more[0]) ? /** @type {Given} */ (more.shift()) : {};
  const { key = "", on = {}, value, checked, ...rest } = given;
  /** @type {Record<string, string>} */
  const attrs = {};
  if (classes.length) attrs.class = classes.map((name) => `xt-${name}`).join(" ");
  for (const [name, said] of Object.entries(rest)) {
    const spoken = name.startsWith("aria-");
    if (spoken ? said !== undefined : said) attrs[name] = said === true && !spoken ? "" : String(said);
  }
  if (FOCUSABLE.has(tag) || "tabindex" in attrs) attrs["data-lm-suppress-shortcuts"] = "true";
  const kids = /** @type {(Tree | string)[]} */ (more.flat().filter(Boolean));
  return { tag, key, attrs, value, checked, on, kids };
}

/** @param {Given | Kid | Kid[]} first */
const isGiven = (first) => first instanceof Object && !Array.isArray(first) && first.tag === undefined;
