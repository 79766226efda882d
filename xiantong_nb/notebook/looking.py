"""The commands that look at models, at what was spent and at what is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xiantong_nb import shelf
from xiantong_nb.api import session
from xiantong_nb.connection import named
from xiantong_nb.models import matching
from xiantong_nb.presets import PRESETS
from xiantong_nb.prices import usd

if TYPE_CHECKING:
    import argparse

    from xiantong_nb.models import Model
    from xiantong_nb.notebook.screen import Screen
    from xiantong_nb.reply import Reply


def models(screen: Screen, asked: argparse.Namespace) -> None:
    """List the models that an endpoint offers, or those whose names hold some words."""
    words = list(asked.name)
    connection = named(words[0], session().connections()) if words else None
    if connection is not None:
        words = words[1:]
    elif words and words[0] in PRESETS:
        connection = session().target(words[0]).connection  # which says how it is connected
    else:
        connection = (session().default() or session().target()).connection
    listing, source = session().lists.look(connection, fresh=asked.refresh)
    found = matching(listing.models, " ".join(words))
    if found:
        screen.table(("model", "context", "images", "USD per M tokens in", "out", ""), [_model_row(m) for m in found])
    else:
        screen.say(f"{connection.slug} lists no model" + (f" with {' '.join(words)!r}." if words else "."))
    screen.say(source)


def usage(screen: Screen, asked: argparse.Namespace) -> None:
    """Show what this kernel has asked so far: answers, tokens and money, by connection and model."""
    del asked
    asked_for = [reply for reply in session().used if reply.reused is None]
    rows: dict[tuple[str, str], list[Reply]] = {}
    for reply in asked_for:
        rows.setdefault((reply.connection, reply.model), []).append(reply)
    if not rows:
        screen.say("Nothing was asked yet.")
        return
    screen.table(
        ("connection", "model", "answers", "tokens in", "out", "cost"),
        [
            (
                *asked_of,
                str(len(replies)),
                f"{sum(r.usage.sent_tokens or 0 for r in replies):,}",
                f"{sum(r.usage.output_tokens or 0 for r in replies):,}",
                _money(replies),
            )
            for asked_of, replies in rows.items()
        ],
    )
    screen.say(f"In all: {_money(asked_for)}, by each answer's own figure or list price.")


def replies(screen: Screen, asked: argparse.Namespace) -> None:
    """List the replies that --reuse has stored, or remove them all with --clear."""
    from xiantong_nb.replies import Replies

    stored = Replies(session().store.folder)
    if asked.clear:
        screen.say(f"Removed: {stored.clear()} stored replies.")
        return
    found = stored.all()
    if not found:
        screen.say("No reply is stored. --reuse stores them.")
        return
    now = time.time()
    rows = [(shelf.age(now - kept.at), kept.target, kept.question, f"{size:,}") for kept, size in found]
    screen.table(("stored", "target", "question", "bytes"), rows)
    screen.say(f"{len(found)} in all; %xiantong replies --clear removes them.")


def _money(replies: list[Reply]) -> str:
    """Return a sum, and how many of the answers have no known price."""
    unknown = sum(reply.cost is None for reply in replies)
    told = usd(sum(reply.cost or 0 for reply in replies)) if unknown < len(replies) else ""
    more = f"{unknown} of unknown price" if unknown else ""
    return " + ".join(part for part in (told, more) if part)


def _model_row(model: Model) -> tuple[str, ...]:
    prices = ["" if price is None else f"{price:g}" for price in (model.price_in, model.price_out)]
    images = {None: "", True: "yes", False: "no"}[model.images]
    notes = "not local" if model.local is False else ""
    if model.price_in is not None and model.price_up_to is not None:
        notes = f"prices up to {model.price_up_to:,} tokens" if model.price_up_to else "prices vary"
    return model.id, f"{model.context:,}" if model.context else "", images, *prices, notes
