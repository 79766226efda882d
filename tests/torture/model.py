"""R10: any order of saves, removals, crashes and foreign writes leaves the files as a model of them says."""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.torture.figure import Figure, memory
from xiantong_nb import disk
from xiantong_nb.errors import UsageError
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope, with_credential
from xiantong_nb.secret import Secret
from xiantong_nb.vault import Vault

PLACE = "https://gw.example"
HERE = Identity({"HOME": "/home/x"}, ())
ENVELOPE = Envelope(HERE)
EMPTY = ENVELOPE.new()  # one salt for all, so that one key is derived
STEPS = ("write_temp", "replace", "sync_folder")

slugs = st.sampled_from(["a", "b", "c"])
values = st.integers(0, 3).map(lambda n: f"key-{n}")
steps: Counter[str] = Counter()


class Crash(BaseException):
    """The process ends here: nothing is tidied up."""


class Crashing:
    """Lets the nth call that changes the disk be the last, and nothing be discarded from then on."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.real = {name: getattr(disk, name) for name in (*STEPS, "discard")}

    def __enter__(self) -> None:
        for name in STEPS:
            setattr(disk, name, lambda *a, real=self.real[name]: self._step(real, *a))
        disk.discard = lambda path: self.left < 0 or self.real["discard"](path)

    def _step(self, real, *args):
        self.left -= 1
        if self.left < 0:
            raise Crash
        return real(*args)

    def __exit__(self, *_) -> None:
        for name, real in self.real.items():
            setattr(disk, name, real)


class Stores(RuleBasedStateMachine):
    """Two kernels, the app with a memory of its own, and crashes; `file` and `kept` are what should stand there."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(dir=memory(), prefix="xiantong-test-"))
        self.vaults = [Vault(self.base / "home", HERE) for _ in range(2)]
        (self.base / "home").mkdir(mode=0o700)
        self.file: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.app: dict[str, str] = {}
        self.crashes = 0
        self._write(self.file)

    def _write(self, keys: dict[str, str]) -> None:
        """As the app does: all of it, in place."""
        opened = EMPTY
        for slug, value in keys.items():
            opened = with_credential(opened, f"llm_api_key::{slug}", {"value": value})
        self.vaults[0].file.path.write_bytes(ENVELOPE.encode(opened))

    @rule(which=st.integers(0, 1), slug=slugs, value=values)
    def put(self, which, slug, value):
        steps["put"] += 1
        self.vaults[which].put(slug, Secret(value), PLACE)
        self.file[slug] = self.kept[slug] = value

    @rule(which=st.integers(0, 1), slug=slugs, value=values)
    def put_and_take_back(self, which, slug, value):
        steps["taken back"] += 1
        self.vaults[which].put(slug, Secret(value), PLACE)[0]()

    @rule(which=st.integers(0, 1), slug=slugs)
    def remove(self, which, slug):
        steps["remove"] += 1
        self.vaults[which].remove(slug)
        self.file.pop(slug, None)
        self.kept.pop(slug, None)

    @rule(which=st.integers(0, 1), slug=slugs)
    def bind(self, which, slug):
        steps["bind"] += 1
        self.vaults[which].bind(slug, PLACE)

    @rule(which=st.integers(0, 1), slug=slugs)
    def restore(self, which, slug):
        steps["restore"] += 1
        try:
            self.vaults[which].restore(slug)
        except UsageError:
            assert slug not in self.kept
        else:
            self.file[slug] = self.kept[slug]

    @rule(which=st.integers(0, 1), slug=slugs)
    def accept(self, which, slug):
        steps["accept"] += 1
        try:
            self.vaults[which].accept(slug)
        except UsageError:
            assert slug not in self.kept
        else:
            self.kept.pop(slug)
            if slug in self.file:
                self.kept[slug] = self.file[slug]

    @rule()
    def app_reads(self):
        steps["the app reads"] += 1
        self.app = dict(self.file)

    @rule(slug=slugs, value=values)
    def app_writes_what_it_remembers(self, slug, value):
        steps["the app writes"] += 1
        self.app[slug] = value
        self._write(self.app)
        self.file = dict(self.app)

    @rule()
    def app_deletes(self):
        steps["the app deletes"] += 1
        self.vaults[0].file.path.unlink()
        self._write({})
        self.app, self.file = {}, {}

    @rule(slug=slugs, value=values, after=st.integers(0, 6))
    def crash_while_saving(self, slug, value, after):
        steps["crash"] += 1
        self.crashes += 1
        crashed = True
        with Crashing(after):
            try:
                self.vaults[0].put(slug, Secret(value), PLACE)
                crashed = False
            except Crash:
                pass
        now, kept = self._found()
        for found, model in ((now, self.file), (kept, self.kept)):
            assert found == {**model, slug: value} or (crashed and found == model), (found, model)
        assert now == self.file or kept.get(slug) == value, "what was saved is kept"
        self.file, self.kept = now, kept

    def _found(self) -> tuple[dict[str, str], dict[str, str]]:
        return tuple(
            {name.partition("::")[2]: fields["value"] for name, fields in opened.payload["credentials"].items()}
            for opened in ((self.vaults[0].file.read() or EMPTY), (self.vaults[0].kept.read() or EMPTY))
        )

    @invariant()
    def both_see_what_the_model_says(self):
        lost = {slug: "gone" if slug not in self.file else "changed" for slug in self.kept}
        lost = {slug: what for slug, what in lost.items() if self.file.get(slug) != self.kept[slug]}
        for vault in self.vaults:
            keys = vault.keys()
            assert {slug: s.key.reveal() for slug, s in keys.items() if s.key} == self.file
            assert {slug: s.lost for slug, s in keys.items() if s.lost} == lost
        most = 3 + 2 * self.crashes  # a crash can come between adding two and dropping the oldest
        assert len(self.vaults[0].file.copies.all()) <= most

    def teardown(self):
        shutil.rmtree(self.base)


def figure(*, least: int) -> Figure:
    """Take at least so many steps."""
    examples, length = max(1, least // 40), 50
    try:
        run_state_machine_as_test(
            Stores,
            settings=settings(
                max_examples=examples, stateful_step_count=length, deadline=None, database=None, derandomize=True,
                suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
            ),
        )  # fmt: skip
        mismatch = ""
    except (AssertionError, ExceptionGroup) as error:
        mismatch = "".join(traceback.format_exception(error))[-3000:]
    taken = sum(steps.values())
    notes = (", ".join(f"{name} {count:,}" for name, count in steps.most_common()), *filter(None, [mismatch]))
    return Figure(f"{int(bool(mismatch))} mismatches in {taken:,} steps", "0", not mismatch and taken >= least, notes)


if __name__ == "__main__":
    print(figure(least=int(sys.argv[1])))
