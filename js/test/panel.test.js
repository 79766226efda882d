import assert from "node:assert/strict";
import { test } from "node:test";
import panel from "../src/panel.js";

test("a widget can be rendered", () => {
  assert.equal(typeof panel.render, "function");
});
