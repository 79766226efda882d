/**
 * Model text into elements while it comes: Markdown parsed piece by piece, in text nodes only.
 *
 * What was shown is not made again, so that a selection lasts and a page of text costs no more than its last line. The
 * parser is streaming-markdown; what it takes for markup that never closes is put back as it was typed.
 */

import * as md from "streaming-markdown";
import { BREAK, Stand } from "./live_stand.js";

/** @typedef {{kind: number, el: Element, linked?: boolean}} Open */

/** @type {Record<number, string>} */
const TAGS = {
  [md.PARAGRAPH]: "p",
  [md.BLOCKQUOTE]: "blockquote",
  [md.RULE]: "hr",
  [md.HEADING_1]: "h1",
  [md.HEADING_2]: "h2",
  [md.HEADING_3]: "h3",
  [md.HEADING_4]: "h4",
  [md.HEADING_5]: "h5",
  [md.HEADING_6]: "h6",
  [md.ITALIC_AST]: "em",
  [md.ITALIC_UND]: "em",
  [md.STRONG_AST]: "strong",
  [md.STRONG_UND]: "strong",
  [md.STRIKE]: "s",
  [md.CODE_INLINE]: "code",
  [md.CODE_BLOCK]: "code",
  [md.CODE_FENCE]: "code",
  [md.RAW_URL]: "a",
  [md.LINK]: "a",
  [md.IMAGE]: "a",
  [md.LIST_UNORDERED]: "ul",
  [md.LIST_ORDERED]: "ol",
  [md.LIST_ITEM]: "li",
  [md.CHECKBOX]: "input",
  [md.TABLE]: "table",
  [md.TABLE_ROW]: "tr",
  [md.EQUATION_BLOCK]: "xt-math",
  [md.EQUATION_INLINE]: "xt-math",
};
/** Those that hold no text of their own. @type {Set<number>} */
const BARE = new Set([md.DOCUMENT, md.BLOCKQUOTE, md.LIST_UNORDERED, md.LIST_ORDERED, md.TABLE, md.TABLE_ROW]);
/** @type {Set<number>} */
const CODE = new Set([md.CODE_INLINE, md.CODE_BLOCK, md.CODE_FENCE]);
/** How what may turn out to be no markup began. @type {Record<number, string>} */
const MARKS = {
  [md.ITALIC_AST]: "*",
  [md.ITALIC_UND]: "_",
  [md.STRONG_AST]: "**",
  [md.STRONG_UND]: "__",
  [md.STRIKE]: "~~",
  [md.CODE_INLINE]: "`",
  [md.EQUATION_INLINE]: "$",
  [md.LINK]: "[",
  [md.IMAGE]: "![",
};
const ADDRESS = /^(?:https?:\/\/|mailto:)/i;
const DEEPEST = 20; // the parser keeps no more than 24 levels, and forgets where it is beyond
/** A character that can be shown before the next one tells what it was: no mark, no blank. */
const PLAIN = /^[^\s\\`*_~[\]!$<|#>&\u{100000}-\u{10fffd}]$/u;

/**
 * Begin a text.
 * @param {Element} root  what it is shown in
 * @returns {(piece: string) => void}  takes the next piece
 */
export function writer(root) {
  const stand = new Stand();
  /** @type {Open[]} */
  const open = [{ kind: md.DOCUMENT, el: root }];
  const renderer = { data: null, add_token: begin, end_token: end, add_text: say, set_attr: set };
  const parser = md.parser(renderer);
  /** @type {Text | undefined} the last characters, shown before it is known what they are */
  let ahead;
  let lost = false;

  const inner = () => /** @type {Open} */ (open.at(-1));

  /** @param {null} _ @param {number} kind */
  function begin(_, kind) {
    if (kind === md.DOCUMENT) return;
    if (open.length > DEEPEST) throw new RangeError("deeper than anybody reads");
    const parent = inner().el;
    open.push({ kind, el: kind === md.LINE_BREAK ? lineEnd(parent) : element(kind, parent) });
  }

  /** A line end within a paragraph is a blank, as in the final output, and `<br>` is a line end. @param {Element} el */
  function lineEnd(el) {
    if (parser.pending[0] === "<") el.append(document.createElement("br"));
    else append(el, "\n");
    return el;
  }

  function end() {
    const { kind, el, linked } = /** @type {Open} */ (open.pop());
    const mark = MARKS[kind];
    if (mark === undefined || linked) return;
    const closes = parser.pending[0];
    if (kind === md.LINK || kind === md.IMAGE) {
      el.prepend(mark);
      if (closes === "]") append(el, "]");
    } else if (kind === md.CODE_INLINE ? parser.fence_start === 0 : closes !== mark[0]) {
      el.prepend(mark);
    }
  }

  /** @param {null} _ @param {string} text */
  function say(_, text) {
    const { kind, el } = inner();
    const code = CODE.has(kind);
    const typed = stand.shown(text, code);
    const shown = code && el.closest("td, th") ? typed.replaceAll("\\|", "|") : typed;
    const [first = "", ...more] = shown.split(BREAK);
    append(el, first);
    for (const line of more) {
      el.append(document.createElement("br"));
      append(el, line);
    }
  }

  /** @param {null} _ @param {number} attribute @param {string} value */
  function set(_, attribute, value) {
    const top = inner();
    if (attribute === md.START) top.el.setAttribute("start", value);
    if (attribute === md.CHECKED) top.el.setAttribute("checked", "");
    if (attribute !== md.HREF && attribute !== md.SRC) return;
    const typed = stand.shown(value);
    const address = (/^\s*<?([^\s<>]*)/.exec(typed)?.[1] ?? "").replace(/[.,;:!?'"*_~]+$/, "");
    const image = top.kind === md.IMAGE;
    if (image) top.el.prepend(top.el.firstChild ? "image: " : "image");
    top.linked = true;
    if (ADDRESS.test(address)) {
      for (const [name, said] of Object.entries({
        href: address,
        target: "_blank",
        rel: "noopener noreferrer",
        "data-lm-suppress-shortcuts": "true",
      })) {
        top.el.setAttribute(name, said);
      }
    } else {
      top.el.prepend("[");
      append(top.el, `](${typed})`);
    }
  }

  /** Give the parser a text, line by line: it would take the rest of the text for an address that does not end. */
  function parse(/** @type {string} */ text) {
    for (const line of text.split(/(?=\n)/)) {
      if (line[0] === "\n" && parser.pending.startsWith("](")) {
        const address = parser.pending.slice(2);
        parser.pending = "]";
        md.parser_write(parser, stand.literal("(") + address);
      }
      md.parser_write(parser, line);
    }
  }

  return function write(piece) {
    ahead?.remove();
    ahead = undefined;
    if (!lost) {
      try {
        parse(stand.feed(piece));
      } catch {
        lost = true; // what comes is shown as it was typed; the final output repairs it
        open.splice(1);
        open.push({ kind: md.CODE_FENCE, el: element(md.CODE_FENCE, root) });
      }
    }
    if (lost) append(inner().el, piece);
    else if (showable()) {
      ahead = document.createTextNode(parser.pending);
      inner().el.append(ahead);
    }
  };

  /** Whether what the parser waits with can be shown where it stands. */
  function showable() {
    const { kind } = inner();
    return parser.token === md.MAYBE_URL || (parser.token === kind && !BARE.has(kind) && PLAIN.test(parser.pending));
  }
}

/** @param {Element} el @param {string} text */
function append(el, text) {
  if (text === "") return;
  const last = el.lastChild;
  if (last instanceof Text) last.appendData(text);
  else el.append(text);
}

/** @param {number} kind @param {Element} parent */
function element(kind, parent) {
  const at = kind === md.TABLE_ROW ? part(parent) : parent;
  if (kind === md.TABLE_CELL) return at.appendChild(document.createElement(at.closest("thead") ? "th" : "td"));
  const made = document.createElement(TAGS[kind] ?? "span");
  if (kind === md.CHECKBOX) {
    made.setAttribute("type", "checkbox");
    made.setAttribute("disabled", "");
  }
  const block = kind === md.CODE_BLOCK || kind === md.CODE_FENCE;
  return (block ? at.appendChild(document.createElement("pre")) : at).appendChild(made);
}

/** The part of a table that its next row belongs to. @param {Element} table */
function part(table) {
  if (table.children.length < 2) {
    return table.appendChild(document.createElement(table.firstChild ? "tbody" : "thead"));
  }
  return /** @type {Element} */ (table.lastElementChild);
}
