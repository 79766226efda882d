"""P11: what a long reply keeps of the memory of its process, and what fifty short ones leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import asking, fresh, synthetic, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

DELTAS, ASKS = 20_000, 50
KEPT = """
import gc, io, contextlib, time, tracemalloc
from IPython.core.interactiveshell import InteractiveShell
import xiantong_nb
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "xiantong_nb")
shell.run_line_magic("config", "Xiantong.rate = 10")

def ask(question):
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell_magic("ask", "--alone", question)
    return xiantong_nb.last()

def settle():
    time.sleep(0.3)  # the loop ends its side of an answer after the reader has gone on
    gc.collect()

def kept():
    settle()
    return tracemalloc.get_traced_memory()[0]

def objects():
    settle()
    return len(gc.get_objects())

for _ in range(5):
    ask(SHORT)
first = objects()
for _ in range(ASKS):
    ask(SHORT)
left = objects() - first
tracemalloc.start()
ask(SHORT)
before = kept()
tracemalloc.reset_peak()
reply = ask(LONG)
size = len(reply.text.encode())
print([(kept() - before) / size, (tracemalloc.get_traced_memory()[1] - before) / size, left])
"""


def figures(trials: int = 3) -> Iterator[Figure]:
    with synthetic() as url:
        script = f"SHORT, LONG, ASKS = {wanted(50)!r}, {wanted(DELTAS)!r}, {ASKS}\n{KEPT}"
        taken = [fresh(script, **asking(url)) for _ in range(trials)]
    grown, peaks, left = zip(*taken, strict=True)
    note = f"at most {max(peaks):.1f} x while it came"
    yield Figure.of("P11", f"growth for a reply of {DELTAS:,} deltas, against its text", grown, 10, "x", note)
    what = f"objects left behind by {ASKS} asks after the fifth"
    yield Figure.of("P11 leak", what, left, 0, "objects", "bytes go up and down with the interpreter's own caches")
