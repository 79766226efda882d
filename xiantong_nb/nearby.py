"""What on this machine could be asked although nothing is connected: looked for when somebody asks, never before."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from xiantong_nb import ollama
from xiantong_nb.connection import Connection, ways_to_connect
from xiantong_nb.errors import XiantongError
from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    from xiantong_nb.errors import NotConnected
    from xiantong_nb.session import Session
    from xiantong_nb.transport import Transport

_TIME = 1.0  # seconds, at most, for each of two questions: a person waits, and what is there answers in milliseconds
_PLAIN = re.compile(r"\w[\w./:-]*")  # whoever answers there gives the names, and a line may be run as it is copied


def ways(session: Session) -> str:
    """Return what a person without any connection can do now, with the line that connects an Ollama that answers."""
    try:
        line = session.run(_line)
    except XiantongError:  # it is a favour
        line = ""
    return ways_to_connect(line)


def offer(error: NotConnected, session: Session) -> None:
    """Add that line to an error that says that nothing is connected; one that names what is not stays as it is."""
    if error.hint == ways_to_connect():
        error.hint = ways(session)


async def _line(transport: Transport) -> str:
    """Look where Ollama listens unless told otherwise; on loopback, so no proxy is asked."""
    preset = next(row for row in PRESETS.values() if row.own_routes == "ollama")
    there = Connection(preset.slug, preset, preset.base_url, "", name=preset.name)
    if not await ollama.version(there, transport, patience=_TIME):
        return ""
    line = f"%xiantong connect {preset.slug}"
    try:
        async with asyncio.timeout(_TIME):
            models = await ollama.pulled(there, transport)
    except (XiantongError, TimeoutError):
        return line
    local = [model.id for model in models if model.local and _PLAIN.fullmatch(model.id)]
    return f"{line} --model {local[0]}" if local else line
