"""
A Reply as the output that stays: Markdown and plain text that open anywhere, and metadata.

    text/markdown   [folded thinking] + safe.markdown(text) + [tool calls, sources] + [mark] + footer
    text/plain      the same for terminals
    metadata        {"xiantong": connection, model, parameters, usage, cost, timing, request id}

Never a key, never a header. HTML in it is ours alone: `details`, `summary` and `sub`, which GitHub, nbviewer,
nbconvert and JupyterLab all let through.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from xiantong_nb import safe
from xiantong_nb.prices import usd

if TYPE_CHECKING:
    from xiantong_nb.reply import Reply

_MATH = re.compile(r"\$|\\[(\[]|\\begin")


@dataclass(frozen=True, slots=True)
class Parts:
    """What is shown besides the text: the reasoning, the footer, the cost in it. Metadata holds all of it."""

    thinking: bool = True
    footer: bool = True
    money: bool = True


ALL = Parts()


def bundle(reply: Reply, parts: Parts = ALL) -> tuple[dict[str, str], dict[str, Any]]:
    """Return (data, metadata) as `display(..., raw=True)` takes them."""
    return {"text/markdown": markdown(reply, parts), "text/plain": plain(reply, parts)}, {"xiantong": metadata(reply)}


def markdown(reply: Reply, shown: Parts = ALL) -> str:
    """Return the whole output as Markdown."""
    parts = [folded(reply.thinking) if shown.thinking else "", answer(reply)]
    parts.append(f"**[{entities(mark)}]**" if (mark := ending(reply)) else "")
    parts.append(f"<sub>{entities(under)}</sub>" if (under := footer(reply, shown)) else "")
    return "\n\n".join(p for p in parts if p)


def answer(reply: Reply) -> str:
    """Return what was answered as Markdown: text, tool calls, sources."""
    parts = [safe.markdown(reply.text).strip("\n")]
    parts += [_tool_call(call.name, call.arguments) for call in reply.tool_calls]
    return "\n\n".join(p for p in (*parts, _sources(reply)) if p)


def plain(reply: Reply, shown: Parts = ALL) -> str:
    """Return the whole output as text for a terminal."""
    parts = [plain_answer(reply, shown), f"[{mark}]" if (mark := ending(reply)) else "", footer(reply, shown)]
    return "\n\n".join(p for p in parts if p)


def plain_answer(reply: Reply, shown: Parts = ALL) -> str:
    """Return reasoning and answer as text for a terminal."""
    parts = [_quoted(safe.terminal(reply.thinking)) if shown.thinking else "", safe.terminal(reply.text).strip("\n")]
    return "\n\n".join(p for p in (*parts, plain_beside(reply)) if p)


def plain_beside(reply: Reply) -> str:
    """Return what an answer has beside its text, as text for a terminal: tool calls and sources."""
    parts = [f"[tool call] {one_line(c.name)} {one_line(c.arguments)}" for c in reply.tool_calls]
    parts.append(
        "\n".join(["Sources:", *(f"  {title} {url}".rstrip() for title, url in _cited(reply))])
        if reply.citations
        else ""
    )
    return "\n\n".join(p for p in parts if p)


def metadata(reply: Reply) -> dict[str, Any]:
    """Return what a program may want to know of a saved answer."""
    return {
        "connection": reply.connection,
        "model": reply.model,
        "parameters": dict(reply.parameters),
        "usage": {name: value for name, value in asdict(reply.usage).items() if value is not None},
        "cost": reply.cost,
        "timing": {"seconds": reply.seconds, "first_token_seconds": reply.first_token_seconds},
        "complete": reply.complete,
        "stop_reason": reply.stop_reason,
        "request_id": reply.request_id,
        **({"reused": reply.reused} if reply.reused is not None else {}),
    }


def footer(reply: Reply, shown: Parts = ALL) -> str:
    """Return the line under an answer: model · connection · tokens · cost · time · notes; notes are always said."""
    if not shown.footer:
        return one_line(" · ".join(reply.notes))
    time = f"{reply.seconds:.2f} s"
    if reply.first_token_seconds is not None:
        time += f" (first word {reply.first_token_seconds:.2f} s)"
    parts = [reply.model, reply.connection, tokens(reply), money(reply) if shown.money else "", time, *reply.notes]
    return one_line(" · ".join(p for p in parts if p))


def tokens(reply: Reply) -> str:
    """Return how many tokens were sent and written."""
    usage = reply.usage
    written = usage.output_tokens if reply.complete else None  # before the end it is only a placeholder
    return f"{_figure(usage.sent_tokens)} tokens in, {_figure(written)} out"


def money(reply: Reply) -> str:
    """Return the cost with its source, or that the price is not known."""
    if reply.cost is None:
        return "price unknown"
    return f"{usd(reply.cost)} ({reply.cost_source})" if reply.cost else reply.cost_source


def ending(reply: Reply) -> str:
    """Return, in one printable line, what must be said of an answer that is not simply finished."""
    if not reply.complete:
        return one_line(f"incomplete: {reply.ended or 'the stream ended early'}")
    if reply.unfit and reply.stop_reason != "max_tokens":
        return one_line(f"this does not fit the schema: {reply.unfit}")
    match reply.stop_reason:
        case "max_tokens":
            return "cut at --max-tokens: ask for more with a higher figure"
        case "model_context_window_exceeded":
            return "cut: the model's context is full"
        case "refusal":
            return one_line(f"the model refused{': ' + reply.stop_detail if reply.stop_detail else ''}")
        case "pause_turn":
            return "paused by the provider: ask to go on"
    return ""


def folded(thinking: str) -> str:
    """Return reasoning as a part that opens on a click."""
    return details(safe.markdown(thinking).strip("\n"))


def details(inner: str, *, shown: bool = False) -> str:
    """Return filtered reasoning as a part that can be opened, or nothing where there is none."""
    return f"<details{' open' if shown else ''}><summary>Thinking</summary>\n\n{inner}\n\n</details>" if inner else ""


def entities(text: str) -> str:
    """Write text as one line in which no renderer finds Markdown or HTML, nor MathJax, behind it, a command."""
    line = one_line(text)
    return safe.entities(line.replace("\\", "\\ ") if _MATH.search(line) else line)


def _tool_call(name: str, arguments: str) -> str:
    return f"Tool call: <code>{entities(name)}</code> <code>{entities(arguments)}</code>"


def _sources(reply: Reply) -> str:
    """List what was cited, as links."""
    lines = [f"- [{entities(title)}]({url})" if url else f"- {entities(title)}" for title, url in _cited(reply)]
    return "Sources:\n\n" + "\n".join(lines) if lines else ""


def _cited(reply: Reply) -> list[tuple[str, str]]:
    """Return each source once, as (title, web address or nothing)."""
    found: dict[tuple[str, str], None] = {}
    for source in reply.citations:
        url = str(source.get("url") or "")
        title = one_line(str(source.get("title") or source.get("document_title") or url or "a source"))
        usable = re.fullmatch(r"https?://[^\s<>()\[\]`\"'\\]+", url, re.IGNORECASE) and url.isprintable()
        found[title, url if usable and _has_host(url) else ""] = None
    return list(found)


def _has_host(url: str) -> bool:
    try:
        return bool(urllib.parse.urlsplit(url).hostname)
    except ValueError:
        return False


def one_line(text: str) -> str:
    """Return a foreign text in one line that a terminal only prints."""
    return " ".join(safe.terminal(text).split())


def _quoted(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.strip().splitlines())


def _figure(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
