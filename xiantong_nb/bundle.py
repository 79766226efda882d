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
    parts = [folded(reply.thinking) if shown.thinking else "", safe.markdown(reply.text).strip("\n")]
    parts += [_tool_call(call.name, call.arguments) for call in reply.tool_calls]
    parts.append(_sources(reply))
    parts.append(f"**[{entities(mark)}]**" if (mark := ending(reply)) else "")
    parts.append(f"<sub>{entities(under)}</sub>" if (under := footer(reply, shown)) else "")
    return "\n\n".join(p for p in parts if p)


def plain(reply: Reply, shown: Parts = ALL) -> str:
    """Return the whole output as text for a terminal."""
    parts = [_quoted(safe.terminal(reply.thinking)) if shown.thinking else "", safe.terminal(reply.text).strip("\n")]
    parts += [f"[tool call] {_line(c.name)} {_line(c.arguments)}" for c in reply.tool_calls]
    parts.append(
        "\n".join(["Sources:", *(f"  {title} {url}".rstrip() for title, url in _cited(reply))])
        if reply.citations
        else ""
    )
    parts.append(f"[{mark}]" if (mark := ending(reply)) else "")
    parts.append(footer(reply, shown))
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
        return _line(" · ".join(reply.notes))
    usage = reply.usage
    written = usage.output_tokens if reply.complete else None  # before the end it is only a placeholder
    tokens = f"{_figure(usage.sent_tokens)} tokens in, {_figure(written)} out"
    time = f"{reply.seconds:.2f} s"
    if reply.first_token_seconds is not None:
        time += f" (first word {reply.first_token_seconds:.2f} s)"
    parts = [reply.model, reply.connection, tokens, money(reply) if shown.money else "", time, *reply.notes]
    return _line(" · ".join(p for p in parts if p))


def money(reply: Reply) -> str:
    """Return the cost with its source, or that the price is not known."""
    if reply.cost is None:
        return "price unknown"
    return f"{usd(reply.cost)} ({reply.cost_source})" if reply.cost else reply.cost_source


def ending(reply: Reply) -> str:
    """Return, in one printable line, what must be said of an answer that is not simply finished."""
    if not reply.complete:
        return _line(f"incomplete: {reply.ended or 'the stream ended early'}")
    if reply.unfit and reply.stop_reason != "max_tokens":
        return _line(f"this does not fit the schema: {reply.unfit}")
    match reply.stop_reason:
        case "max_tokens":
            return "cut at --max-tokens: ask for more with a higher figure"
        case "model_context_window_exceeded":
            return "cut: the model's context is full"
        case "refusal":
            return _line(f"the model refused{': ' + reply.stop_detail if reply.stop_detail else ''}")
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
    """Write text as one line in which no renderer finds Markdown or HTML."""
    return safe.entities(_line(text))


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
        title = _line(str(source.get("title") or source.get("document_title") or url or "a source"))
        usable = re.fullmatch(r"https?://[^\s<>()\[\]`\"'\\]+", url, re.IGNORECASE) and url.isprintable()
        found[title, url if usable and _has_host(url) else ""] = None
    return list(found)


def _has_host(url: str) -> bool:
    try:
        return bool(urllib.parse.urlsplit(url).hostname)
    except ValueError:
        return False


def _line(text: str) -> str:
    """Return a foreign text in one line that a terminal only prints."""
    return " ".join(safe.terminal(text).split())


def _quoted(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.strip().splitlines())


def _figure(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
