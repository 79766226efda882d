"""R4: kernels save while the desktop app writes the same file in place, from a memory that grows old."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.app_store import ID, AppStore
from tests.torture.figure import Figure, in_memory
from xiantong_nb.errors import NotSaved, StoreBusy, StoreError
from xiantong_nb.identity import Identity
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

PLACE, WRITERS, SLUGS = "https://gw.example", 4, 5
RESTARTS = 0.05  # of the app's saves come after it was started again


def figure(*, seconds: float, rounds: int) -> Figure:
    """
    Let all write for so long, in so many rounds; then see what became of every key that was said to be saved.

    Each round ends with one more save of the app from its memory.
    """
    app, sums, errors = AppStore(), Counter(), []
    try:
        for _ in range(rounds):
            with in_memory() as folder:
                errors += _round(folder, app, seconds / rounds, sums)
    finally:
        app.close()
    value = (
        f"{sums['lost']} of {sums['kept']} keys overwritten, {sums['wrong']} of them not reported and put back; "
        f"{len(errors)} errors of ours, {sums['deleted']} files deleted by the app"
    )
    met = not sums["wrong"] and not errors and not sums["deleted"] and sums["lost"] > 0
    notes = (
        f"{seconds:g} s: {sums['app saves']:,} saves of the app, {sums['saves']:,} of ours, {sums['reads']:,} reads",
        f"{sums['busy']} saves gave up, and said so",
        *errors[:3],
    )
    return Figure(value, "0, 0, 0", met, notes)


def _round(folder: Path, app: AppStore, seconds: float, sums: Counter[str]) -> list[str]:
    """Let all write, and add up what came of it; returns the errors of ours."""
    (folder.parent / "machine-id").write_text(ID)
    vault = _vault(folder)
    vault.put("first", Secret("key-first"), PLACE)
    command = [sys.executable, "-m", "tests.torture.app_writer", str(folder), str(seconds)]
    roles = ("read", *(f"w{n}" for n in range(WRITERS)))
    programs = [subprocess.Popen([*command, role], stdout=subprocess.PIPE, text=True) for role in roles]
    before = app.restart()
    try:
        chance = random.Random(4)
        while any(program.poll() is None for program in programs):
            if chance.random() < RESTARTS:
                app.restart()
            deleted = app.set(vault.file.path, f"llm_api_key::app-{sums['app saves'] % 3}", "app-key")
            sums["app saves"] += 1
            time.sleep(chance.uniform(0, 0.02))
        reader, *writers = [json.loads(program.communicate(timeout=60)[0]) for program in programs]
    finally:
        for program in programs:
            program.kill()
            program.communicate()
    app.set(vault.file.path, "llm_api_key::app-last", "app-key")
    kept, lost, wrong = _restored(vault, writers)
    sums.update(kept=kept, lost=lost, wrong=wrong, deleted=deleted - before, reads=reader["reads"])
    sums.update(saves=sum(w["saves"] for w in writers), busy=sum(w["busy"] for w in writers))
    return reader["errors"] + [error for writer in writers for error in writer["errors"]]


def _vault(folder: Path) -> Vault:
    return Vault(folder, Identity({"HOME": str(folder.parent)}, (folder.parent / "machine-id",)))


def _restored(vault: Vault, writers: list[dict]) -> tuple[int, int, int]:
    """Put back every key that is reported lost; returns how many there are, were lost, and are wrong after all."""
    wanted = {slug: Secret(value) for writer in writers for slug, value in writer["keys"].items()}
    lost = {slug for slug, stored in vault.keys().items() if stored.lost}
    for slug in lost:
        vault.restore(slug)
    now = vault.keys()
    wrong = [slug for slug, key in wanted.items() if slug not in now or now[slug].key != key]
    return len(wanted), len(lost & set(wanted)), len(wrong)


def work(folder: Path, seconds: float, role: str) -> None:
    """Read, or save; print as JSON what came of it."""
    vault, until = _vault(folder), time.monotonic() + seconds
    if role == "read":
        said = {"reads": 0, "errors": []}
        while time.monotonic() < until:
            try:
                vault.keys()
                said["reads"] += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it counts
                said["errors"].append(f"read: {error!r}")
        print(json.dumps(said))
        return
    said, n = {"saves": 0, "busy": 0, "keys": {}, "errors": []}, 0
    while time.monotonic() < until:
        slug, value, n = f"{role}-{n % SLUGS}", f"key-{role}-{n}", n + 1
        try:
            vault.put(slug, Secret(value), PLACE)
            said["saves"] += 1
            said["keys"][slug] = value
        except (StoreBusy, NotSaved) as error:
            said["busy"] += 1
            if isinstance(error, NotSaved) and "kept writing" not in error.message:
                said["errors"].append(f"save: {error!r}")
        except StoreError as error:
            said["errors"].append(f"save: {error!r}")
    print(json.dumps(said))


if __name__ == "__main__":
    work(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
