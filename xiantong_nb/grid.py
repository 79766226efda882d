"""
A Comparison as the output that stays: columns where there is room, sections one below the other where there is not.

    text/html       a grid of the answers, styled by attributes alone; without them it is sections with headings
    text/markdown   the same sections
    text/plain      the same for terminals
    metadata        {"xiantong": what a single answer has, of each lane}

It needs no kernel, no script and no style sheet. JupyterLab's sanitizer, which it passes where the notebook is not
trusted, lets through the properties it knows, with plain values only (read in 4.6): so colours are inherited, or half
transparent, which both themes show. GitHub drops all style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xiantong_nb import bundle as one
from xiantong_nb import safe
from xiantong_nb.rendered import html as rendered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xiantong_nb.comparison import Comparison, LaneResult

_GRID = "display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 12px"
_LANE = "min-width: 0; padding: 4px 12px; border: 1px solid rgba(128, 128, 128, 0.4); overflow-wrap: break-word"
_APART = "margin: 0 0 1em"
_WIDE = "overflow-x: auto"
_SMALL = "font-size: 85%; opacity: 0.8"


def bundle(comparison: Comparison, shown: one.Parts = one.ALL) -> tuple[dict[str, str], dict[str, Any]]:
    """Return (data, metadata) as `display(..., raw=True)` takes them."""
    forms = {"text/html": html, "text/markdown": markdown, "text/plain": plain}
    return {kind: form(comparison, shown) for kind, form in forms.items()}, {"xiantong": metadata(comparison)}


def html(comparison: Comparison, shown: one.Parts = one.ALL) -> str:
    """Return the whole output as HTML."""
    lanes = "\n".join(f'<div style="{_LANE}">\n{_lane(lane, shown)}</div>' for lane in comparison.lanes)
    return f'<div style="{_GRID}">\n{lanes}\n</div>\n<p style="{_SMALL}">{one.entities(summary(comparison))}</p>'


def markdown(comparison: Comparison, shown: one.Parts = one.ALL) -> str:
    """Return the whole output as Markdown."""
    return sections([section(lane, shown) for lane in comparison.lanes], summary(comparison))


def sections(lanes: Sequence[str], below: str) -> str:
    """Put the sections of lanes together, with a line of small print below them."""
    return "\n\n".join([*lanes, "---", _fine(below)])


def section(lane: LaneResult, shown: one.Parts = one.ALL) -> str:
    """Return one lane that has ended as a section of Markdown."""
    reply = lane.reply
    parts = [one.folded(reply.thinking) if shown.thinking else "", one.answer(reply)]
    parts += [f"**[{one.entities(mark)}]**" if (mark := ending(lane)) else "", *map(one.entities, reasons(lane))]
    return headed(lane.label, status(lane, shown), "\n\n".join(part for part in parts if part))


def headed(label: str, said: str, body: str) -> str:
    """Return a section: its heading, a line of small print, and Markdown that is filtered already."""
    return "\n\n".join(part for part in (f"#### {one.entities(label)}", _fine(said), body) if part)


def plain(comparison: Comparison, shown: one.Parts = one.ALL) -> str:
    """Return the whole output as text for a terminal."""
    return "\n\n".join([*(plain_lane(lane, shown) for lane in comparison.lanes), summary(comparison)])


def plain_lane(lane: LaneResult, shown: one.Parts = one.ALL) -> str:
    """Return one lane as text for a terminal."""
    parts = [ruled(lane.label), one.plain_answer(lane.reply, shown)]
    parts += [f"[{mark}]" if (mark := ending(lane)) else "", "\n".join(map(one.one_line, reasons(lane)))]
    parts.append(status(lane, shown))
    return "\n\n".join(part for part in parts if part)


def ruled(label: str) -> str:
    """Return a heading for a terminal."""
    return f"── {one.one_line(label)} ──"


def metadata(comparison: Comparison) -> dict[str, Any]:
    """Return what a program may want to know of a saved comparison."""
    lanes = [
        {"label": lane.label, "error": lane.error.message if lane.error else "", **one.metadata(lane.reply)}
        for lane in comparison.lanes
    ]
    return {"lanes": lanes, "complete": comparison.complete}


def status(lane: LaneResult, shown: one.Parts = one.ALL) -> str:
    """Return the line under a lane's label: state · first word · tokens per second · tokens · cost · time · notes."""
    reply = lane.reply
    if lane.state == "failed":
        return "failed"
    if not shown.footer:
        return one.one_line(" · ".join((lane.state, *reply.notes)))
    parts = [lane.state]
    if reply.first_token_seconds is not None:
        parts.append(f"first word {reply.first_token_seconds:.2f} s")
    if reply.tokens_per_second is not None:
        parts.append(f"{reply.tokens_per_second:,.0f} tokens/s")
    parts += [one.tokens(reply), one.money(reply) if shown.money else "", f"{reply.seconds:.2f} s", *reply.notes]
    return one.one_line(" · ".join(part for part in parts if part))


def summary(comparison: Comparison) -> str:
    """Return the line under all lanes: how many have finished, and what the question went on from."""
    states = [lane.state for lane in comparison.lanes]
    return one.one_line(" · ".join([finished(states, len(states)), *comparison.notes]))


def finished(states: Sequence[str], lanes: int) -> str:
    """Say how many of some lanes have finished, by the states of those that have ended."""
    parts = [f"{states.count('complete')} of {lanes} finished"]
    parts += [f"{count} {state}" for state in ("incomplete", "failed") if (count := states.count(state))]
    return ", ".join(parts)


def ending(lane: LaneResult) -> str:
    """Return what must be said of an answer that is not simply whole."""
    return "" if lane.state == "failed" else one.ending(lane.reply)


def reasons(lane: LaneResult) -> list[str]:
    """Return what must be said of a failure besides."""
    if lane.error is None:
        return []
    return lane.error.lines if lane.state == "failed" else [line for line in (lane.error.hint,) if line]


def _fine(text: str) -> str:
    return f"<sub>{one.entities(text)}</sub>"


def _lane(lane: LaneResult, shown: one.Parts) -> str:
    """Return one lane as HTML."""
    reply = lane.reply
    thinking = rendered(safe.markdown(reply.thinking)) if reply.thinking and shown.thinking else ""
    parts = [
        f"<h4>{one.entities(lane.label)}</h4>",
        f'<p style="{_SMALL}">{one.entities(status(lane, shown))}</p>',
        f'<details style="{_APART}"><summary>Thinking</summary>\n{thinking}</details>' if thinking else "",
        f'<div style="{_WIDE}">\n{rendered(answer)}</div>' if (answer := one.answer(reply)) else "",
        f"<p><strong>[{one.entities(mark)}]</strong></p>" if (mark := ending(lane)) else "",
        *(f"<p>{one.entities(line)}</p>" for line in reasons(lane)),
    ]
    return "".join(f"{part}\n" for part in parts if part)
