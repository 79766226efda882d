"""One figure: what was counted, what it should be, and where it was counted."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Figure:
    """A count with its goal; `notes` say how it was made."""

    value: str
    goal: str
    met: bool
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f"   [{'; '.join(self.notes)}]" if self.notes else ""
        return f"{self.value} (goal {self.goal}){'' if self.met else '   MISSED'}{more}"


def file_system(path: Path) -> str:
    """The type of the file system that a path is on, as the kernel has it."""
    real, found = str(path.resolve()), ("", "?")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        place = left.split()[4]
        if (real + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(found[0]):
            found = (place, right.split()[0])
    return found[1]


@contextlib.contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in memory where there is one: the disk's own speed is not what is tested."""
    with tempfile.TemporaryDirectory(dir=memory(), prefix="xiantong-test-") as made:
        yield Path(made) / "home"


@contextlib.contextmanager
def on_disk() -> Iterator[Path]:
    """A folder where temporary files are, which is a disk on most machines."""
    with tempfile.TemporaryDirectory(prefix="xiantong-test-") as made:
        yield Path(made) / "home"


def memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def peak(*, anew: bool = False) -> float:
    """
    The most memory this process has had, in MiB, since it was last counted `anew`.

    Linux keeps it per program: `ru_maxrss` would begin with what the parent had.
    """
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
