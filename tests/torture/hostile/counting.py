"""S2: what acted of hostile replies, summed over all places, and the proof that each place would have shown it."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.torture.figure import Figure
from tests.torture.hostile.places import AT_ONCE, PLACES, Place
from tests.torture.hostile.replies import ATTACKS, Said, everything, some
from tests.torture.hostile.stage import CELLS, KINDS, Seen, Stage

_LEAST = 60
"""Replies that must be seen to act when they are shown raw."""


def figure(*, every: bool, frames: int, apart: int) -> Figure:
    """
    S2: show replies in all places, first filtered, then raw.

    JupyterLab's Markdown gets all of them, each other place every `apart`th, not the same ones everywhere.
    """
    acted, missed, notes, count = Counter[str](), [], [], 0
    said = everything() if every else some()
    read, tagged = Counter[Place](), Counter[Place]()
    batches = [said[at : at + AT_ONCE * CELLS] for at in range(0, len(said), AT_ONCE * CELLS)]
    with tempfile.TemporaryDirectory(prefix="xiantong-test-") as folder, Stage(Path(folder), frames=frames) as stage:
        for number, batch in enumerate(batches, 1):
            for place in PLACES:
                print(f"S2: {number} of {len(batches)}, {place.name} {place.app}", file=sys.stderr, flush=True)
                shown = _for(place, batch, apart)
                if not shown:  # a notebook without outputs is trusted by everybody
                    continue
                seen = place.see(stage, place, shown, False)
                acted.update(seen.counts)
                count += len(shown)
                notes += seen.all[:3]
                if place.drawn and not seen.drawn:
                    missed.append(f"{place.name} {place.app}: the widget has drawn nothing")
                armed = [each.armed(place.word(False), stage.canary.url) for each in shown]
                tags = {each.tag for each in armed if each.tag in each.text}
                read[place] += len(tags & seen.shown)
                tagged[place] += len(tags)
        raw: dict[str, Seen] = {}
        for place in PLACES:
            plain = [Said(name, text) for name, text in ATTACKS.items()]
            raw[f"{place.name} {place.app}".strip()] = place.see(stage, place, _for(place, plain, apart), True)
    few = [place for place in PLACES if read[place] < place.read * tagged[place]]
    missed += [f"{each.name} {each.app}: only {read[each]} of {tagged[each]} can be read" for each in few]
    missed += [f"{name}: the scanner sees nothing, even raw" for name, seen in raw.items() if not seen.all]
    names = set[str]().union(*(seen.names for seen in raw.values()))
    value = ", ".join(f"{acted[kind]} {kind}" for kind in KINDS)
    told = [f"{len(ATTACKS)} replies, {count:,} showings in {len(PLACES)} places", *notes, *missed]
    told += [f"raw, {len(names)} of them act", *(f"{name}: {_figures(seen)}" for name, seen in raw.items())]
    return Figure(
        value,
        f"0 of each; raw, {_LEAST} act, and some in each place",
        not any(acted.values()) and not missed and len(names) >= _LEAST,
        tuple(told),
    )


def _for(place: Place, said: list[Said], apart: int) -> list[Said]:
    """Return the replies that come to be seen in a place, or in the one whose notebook it looks at."""
    source = place.source
    there = [each for each in said if each.part in source.parts]
    there = there if source.whole else there[len(source.word(False)) % apart :: apart]
    return there if source is place else [each for each in there if each.part != "wait"]  # which does not stay


def _figures(seen: Seen) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in seen.counts.items() if number)
