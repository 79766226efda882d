/** Makes the page what a tree says, by as few changes as keep focus, caret and selection where they are. */

/**
 * @typedef {import("./tree.js").Tree} Tree
 * @typedef {ChildNode & {xt?: Tree}} Drawn  an element with what it was drawn from, or a text
 */

/** Attributes that are ids, or name them. */
const IDS = /^(id|for|name|aria-(controls|describedby|labelledby|activedescendant))$/;

/**
 * Make the children of an element what the trees say; `uid` tells their ids from those of other views.
 * @param {Element} parent
 * @param {(Tree | string)[]} kids
 * @param {string} uid
 */
export function patch(parent, kids, uid) {
  const wanted = new Set(kids.map(keyOf));
  /** @type {Map<string, Drawn>} */
  const kept = new Map();
  for (const child of /** @type {Drawn[]} */ ([...parent.childNodes])) {
    const key = child.xt?.key ?? "";
    if (wanted.has(key) || !key) kept.set(key, child);
    else child.remove(); // before the others are placed, so that these need not move: what moves loses the focus
  }
  let at = /** @type {Drawn | null} */ (parent.firstChild);
  for (const kid of kids) {
    const key = keyOf(kid);
    const node = fitting(key ? kept.get(key) : at, kid) ?? made(kid);
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
    if (typeof kid !== "string") draw(/** @type {any} */ (node), kid, uid);
    else if (node.textContent !== kid) node.textContent = kid;
  }
  while (at !== null) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** @param {Tree | string} kid */
const keyOf = (kid) => (typeof kid === "string" ? "" : kid.key);

/** @type {(node: Drawn | null | undefined, kid: Tree | string) => Drawn | null} */
function fitting(node, kid) {
  const tree = node?.xt;
  const fits = typeof kid === "string" ? node instanceof Text : tree?.tag === kid.tag && tree.key === kid.key;
  return (fits && node) || null;
}

/**
 * @param {Tree | string} kid
 * @returns {Drawn}
 */
const made = (kid) => (typeof kid === "string" ? document.createTextNode(kid) : document.createElement(kid.tag));

/**
 * Make an element what its tree says: its attributes, what is in it, and what people change of a field.
 * @param {HTMLInputElement & {xt?: Tree}} node
 * @param {Tree} tree
 * @param {string} uid
 */
function draw(node, tree, uid) {
  const before = node.xt?.attrs ?? {};
  for (const name of Object.keys(before)) if (!(name in tree.attrs)) node.removeAttribute(name);
  for (const [name, said] of Object.entries(tree.attrs)) {
    if (before[name] !== said) node.setAttribute(name, IDS.test(name) ? said.replace(/\S+/g, `${uid}-$&`) : said);
  }
  node.xt = tree;
  patch(node, tree.kids, uid);
  const { value, checked } = tree;
  if (value !== undefined && node.value !== value) node.value = value;
  if (checked !== undefined) node.checked = checked;
}
