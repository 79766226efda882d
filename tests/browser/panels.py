"""The picker and its forms as a person uses them: by role and label, by keyboard; and what axe says of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.apps import Book

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
_STEPS = 80
# Lab has a module loader of its own, which axe would register with instead of becoming a global
_LOAD = """(source) => {
  const { define } = window;
  window.define = undefined;
  (0, eval)(source);
  window.define = define;
}"""
_RUN = """async (element) => {
  const { violations, passes } = await axe.run(element, { resultTypes: ["violations", "passes"] });
  return {
    passes: passes.length,
    violations: violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`.slice(0, 400)),
  };
}"""


class Panel:
    """The panel that a cell shows."""

    def __init__(self, book: Book, cell: int) -> None:
        self.book = book
        self.page = book.page
        self.root = book.outputs(cell).locator(".xt-panel")

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def field(self, label: str) -> Locator:
        return self.root.get_by_label(label, exact=True)

    def radio(self, name: str) -> Locator:
        return self.root.get_by_role("radio", name=name)

    def says(self, *texts: str) -> None:
        """Wait until it says all of these."""
        for text in texts:
            self.root.get_by_text(text).first.wait_for()

    def fill(self, **fields: str) -> None:
        """Fill fields by their labels, with blanks as underscores, one after the other."""
        for label, text in fields.items():
            self.field(label.replace("_", " ")).fill(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, wanted: Locator, *, back: bool = False) -> None:
        """Go to a control by Tab alone."""
        wanted.wait_for()
        for _ in range(_STEPS):
            if wanted.evaluate("(element) => element === document.activeElement"):
                return
            self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{_STEPS} times Tab do not lead to {wanted}")

    def type(self, text: str) -> None:
        """Type into what has the focus, in place of what is there."""
        self.press("Control+a")
        self.page.keyboard.type(text)

    def axe(self) -> dict[str, Any]:
        """Return how many rules passed, and those that are violated."""
        if not self.page.evaluate("() => 'axe' in window"):
            if not AXE.exists():
                told = "axe-core is not installed: npm --prefix js ci"
                (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
            self.page.evaluate(_LOAD, AXE.read_text())
        return self.root.evaluate(_RUN)
