"""The commands that look at models, at what was spent and at what is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xiantong_nb import shelf
from xiantong_nb.api import session
from xiantong_nb.connection import named
from xiantong_nb.models import matching
from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    import argparse

    from xiantong_nb.models import Model
    from xiantong_nb.notebook.screen import Screen


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
    used = session().used
    if not used:
        screen.say("Nothing was asked yet.")
        return
    screen.table(
        ("connection", "model", "answers", "tokens in", "out", "cost"),
        [
            (*asked_of, str(one.answers), f"{one.sent_tokens:,}", f"{one.output_tokens:,}", one.money)
            for asked_of, one in used.by.items()
        ],
    )
    screen.say(f"In all: {used.all.money}, by each answer's own figure or list price.")


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


def _model_row(model: Model) -> tuple[str, ...]:
    prices = ["" if price is None else f"{price:g}" for price in (model.price_in, model.price_out)]
    images = {None: "", True: "yes", False: "no"}[model.images]
    notes = "not local" if model.local is False else ""
    if model.price_in is not None and model.price_up_to is not None:
        notes = f"prices up to {model.price_up_to:,} tokens" if model.price_up_to else "prices vary"
    return model.id, f"{model.context:,}" if model.context else "", images, *prices, notes
