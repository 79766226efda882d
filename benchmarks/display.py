"""P5, P6: what a front end is sent for a reply, drawn by the widget and painted by display id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import ask, asking, heard, kernel, painted, synthetic, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS, RATE = 20, 100


def figures() -> Iterator[Figure]:
    yield from in_a_page()
    yield from by_display_id()


def in_a_page() -> Iterator[Figure]:
    """P5: a reply, and one ten times as long in the same time, where the page shows widgets."""
    sent = []
    with synthetic() as url, kernel(**asking(url)) as made:
        page = heard(made)
        for size in (4, 40):
            page.messages.clear()
            page.weight = 0
            page.run(f"%%ask --alone\n{wanted(SECONDS * RATE, RATE, size)}")
            reply, messages = SECONDS * RATE * size, len(page.messages)
            sent.append(page.weight)
            # the output that stays is the reply twice, as Markdown and as plain text: the goal counts it once
            share = (page.weight - reply) / (2.05 * reply + 640 * messages)
            name, note = f"P5 {reply // 1000} kB", f"{page.weight / 1000:.0f} kB in {messages} messages"
            yield Figure.of(name, "of 2.05 replies and 640 B a message", [share], 1, "x", note)
            most = 10 * SECONDS + 8
            yield Figure.of(f"{name} messages", f"in {SECONDS} s", [messages], most, "messages")
    yield Figure.of("P5 growth", "bytes for ten times the text", [sent[1] / sent[0]], 10, "x")


def by_display_id() -> Iterator[Figure]:
    """P6: the same reply where no page answers."""
    with synthetic() as url, kernel(**asking(url)) as made:
        taken, _ = ask(made, wanted(SECONDS * RATE, RATE))
        paints = painted(taken)
        reply = SECONDS * RATE * 4
        each_second = (sum(size for _, size, _ in paints) - 2 * reply) / SECONDS / 1000
        live = {kind for _, _, message in paints[:-1] for kind in message["content"]["data"]}
    yield Figure.of("P6", "beyond two copies of a reply of 8 kB in 20 s", [each_second], 28, "kB/s")
    yield Figure.of("P6 paints", "while it comes", [len(paints) / SECONDS], 10.5, "paints/s")
    yield Figure.of("P6 kinds", f"live paints hold {', '.join(sorted(live))}", [len(live)], 1, "kinds")
