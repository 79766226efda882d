/** Stand-ins: what the parser would misread is one character to it, and itself again when it is shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BREAK, Stand } from "../src/live_stand.js";

/** What is shown of a text, and what of it in code. @param {string[]} pieces */
function both(pieces) {
  const stand = new Stand();
  const read = pieces.map((piece) => stand.feed(piece)).join("") + stand.feed("|");
  return { read, shown: stand.shown(read).slice(0, -1), code: stand.shown(read, true).slice(0, -1) };
}

const CASES = [
  ["read_csv and max_rows", "read_csv and max_rows"],
  ["R&amp;D &lt;b&gt; &#169; &#x2014;", "R&D <b> © —"],
  ["&unknown; &#1234567; &#8238; &#10;", "&unknown; &#1234567; &#8238; &#10;"],
  ["\\(x\\) and \\[y\\]", "(x\\) and [y\\]"],
  ["one  \ntwo   \n\nthree ", `one${BREAK}\ntwo   \n\nthree `],
  ["~~~js", "~~~js"],
  ["[a](https://x.org/b_(c)?d)", "[a](https://x.org/b_(c)?d)"],
];

test("what is shown is what was meant, and in code what was typed", () => {
  for (const [typed = "", meant] of CASES) {
    const { shown, code } = both([typed]);
    assert.equal(shown, meant);
    assert.equal(code, typed);
  }
});

test("however a text is cut, the parser reads the same", () => {
  for (const [typed = ""] of CASES) {
    const whole = both([typed]).read;
    for (let at = 0; at <= typed.length; at++) assert.equal(both([typed.slice(0, at), typed.slice(at)]).read, whole);
    assert.equal(both([...typed]).read, whole);
  }
});

test("the parser sees none of what it would misread", () => {
  assert.doesNotMatch(both(["snake_case &amp; \\( ~~~ [a](b(c))"]).read, /[_&~]|\\\(|\(c\)/);
  assert.match(both(["_this_ is *that*"]).read, /_this_ is \*that\*/);
});

test("a long run of anything takes no longer than its length", () => {
  for (const run of [" ", "~", "_", "](", "](a", "](a(", "[a](b(c)", "&", "\\", "x_"]) {
    for (const end of ["", " ", "\n"]) {
      const stand = new Stand();
      stand.feed(run.repeat(20_000) + end);
      assert.equal(typeof stand.feed("x"), "string");
    }
  }
});
