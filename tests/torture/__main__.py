"""Print the figures; exits with 1 where a goal is missed."""

from __future__ import annotations

import sys
import time

from tests.torture.rows import ROWS


def main(arguments: list[str]) -> int:
    wanted, missed = [name for name in arguments if name != "--ci"], 0
    for row in ROWS:
        if wanted and row.name not in wanted:
            continue
        begun = time.monotonic()
        figure = row.figure(**(row.ci if "--ci" in arguments else row.full))
        missed += not figure.met
        print(f"{row.name}: {figure}   {time.monotonic() - begun:.0f} s", flush=True)
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
