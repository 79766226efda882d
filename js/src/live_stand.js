/**
 * Characters that stand for what the Markdown parser would misread, so that it finds in a text only what the final
 * output finds there.
 *
 * The parser takes the underscores of snake_case for emphasis, knows no entities, and takes `\(` for math, which
 * notebooks show as a bracket. Each is handed to it as one private-use character, and put back when it is shown: in
 * code as it was typed, elsewhere as what it means.
 */

const FIRST = 0x100000;
const ROOM = 0xfffd;

/** The entities that models write; others stay as typed until the final output. @type {Record<string, string>} */
const NAMED = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  copy: "©",
  reg: "®",
  trade: "™",
  deg: "°",
  plusmn: "±",
  times: "×",
  divide: "÷",
  middot: "·",
  bull: "•",
  hellip: "…",
  ndash: "–",
  mdash: "—",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  laquo: "«",
  raquo: "»",
  larr: "←",
  rarr: "→",
  harr: "↔",
  le: "≤",
  ge: "≥",
  ne: "≠",
  approx: "≈",
  infin: "∞",
  sum: "∑",
  alpha: "α",
  beta: "β",
  pi: "π",
  mu: "μ",
  micro: "µ",
  sect: "§",
  para: "¶",
  euro: "€",
  pound: "£",
  check: "✓",
};

/** What is handed over as a stand-in. */
const MISREAD = new RegExp(
  [
    /&(?:#(?<decimal>\d{1,7})|#[xX](?<hex>[\da-fA-F]{1,6})|(?<name>[A-Za-z]{2,8}));/, // an entity
    /(?<=[\p{L}\p{N}])_+(?=[\p{L}\p{N}])/u, // snake_case
    /\\[([|]/, // what is math elsewhere, and a bar that ends no cell
    /(?<! ) {2,}(?=\n[^\n])/, // a hard line break
    /~{3,}/, // more than strikes out
    /(?<=\]\([^\s()]{0,2000})\([^\s()]{0,2000}\)/, // brackets in an address
  ]
    .map((one) => one.source)
    .join("|"),
  "gu",
);
/** What could still become one of those by what comes next. */
const UNSURE = new RegExp(
  [
    /&(?:#?[A-Za-z\d]{0,8})?$/,
    /(?<=[\p{L}\p{N}])_+$/u,
    /\\$/,
    /(?<! ) +\n?$/,
    /(?<!~)~+$/,
    /\](?:\((?:[^\s()]|\([^\s()]{0,2000}(?:\)|$)){0,2000})?$/,
  ]
    .map((one) => one.source)
    .join("|"),
  "u",
);
/** Characters that would act on the text around them, however they are written. */
const UNCLEAN = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** What a hard line break is shown as, outside of code. */
export const BREAK = "\u2028";

/** One text's stand-ins. */
export class Stand {
  /** @type {Map<string, string>} */
  #given = new Map();
  /** @type {[meant: string, typed: string][]} */
  #known = [];
  #held = "";
  #before = "";

  /**
   * Give the next piece of a text as the parser is to read it. Its end may be held back until more comes.
   * @param {string} piece
   */
  feed(piece) {
    const text = this.#before + this.#held + piece;
    this.#held = UNSURE.exec(text)?.[0] ?? "";
    const sure = text.slice(0, text.length - this.#held.length);
    const read = sure
      .replace(MISREAD, (typed, ...more) => {
        const meant = meaning(typed, more.at(-1));
        return meant === undefined ? typed : this.literal(typed, meant);
      })
      .slice(this.#before.length);
    this.#before = sure.slice(-1);
    return read;
  }

  /**
   * Put back what was meant.
   * @param {string} text
   * @param {boolean} [code]  whether it stands in code, where everything is as it was typed
   */
  shown(text, code = false) {
    return text.replace(/[\u{100000}-\u{10fffd}]/gu, (one) => {
      const known = this.#known[/** @type {number} */ (one.codePointAt(0)) - FIRST];
      return known ? known[code ? 1 : 0] : one;
    });
  }

  /**
   * Return what stands for a typed text, so that the parser reads one ordinary character.
   * @param {string} typed  what is shown of it in code
   * @param {string} [meant]  and elsewhere
   */
  literal(typed, meant = typed) {
    const had = this.#given.get(typed);
    if (had !== undefined || this.#known.length >= ROOM) return had ?? typed;
    const one = String.fromCodePoint(FIRST + this.#known.length);
    this.#known.push([meant, typed]);
    this.#given.set(typed, one);
    return one;
  }
}

/**
 * Return what a typed text means outside of code; undefined where it means itself.
 * @param {string} typed
 * @param {Record<string, string | undefined>} groups
 */
function meaning(typed, { decimal, hex, name }) {
  if (typed[0] === " ") return BREAK;
  if (typed[0] === "\\") return typed[1];
  if ("_~(".includes(typed[0] ?? "")) return typed;
  if (name !== undefined) return Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
  const one = code <= 0x10ffff ? String.fromCodePoint(code) : "";
  return one === "" || UNCLEAN.test(one) ? undefined : one;
}
