"""Run by another Python, which has Dask: a table by a cluster of two processes, printed as JSON."""

from __future__ import annotations

import json
import os
import pickle
import sys
from typing import Any

from distributed import Client, LocalCluster

from xiantong_nb import compare


class Watched:
    """The cluster's executor; it keeps the bytes of what it is given."""

    def __init__(self, executor: Any) -> None:
        self.executor = executor
        self.sent: list[bytes] = []

    def submit(self, work: Any, /, *given: Any) -> Any:
        self.sent.append(pickle.dumps((work, given)))
        return self.executor.submit(work, *given)


def main(keep: str) -> None:
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        executor = Watched(client.get_executor())
        prompts = [f"Hello number {n}" for n in range(80)]
        made = compare(prompts, "anthropic", executor=executor, keep=keep, progress=False)
        again = compare(prompts, "anthropic", executor=executor, keep=keep, progress=False)
        processes = {info["pid"] for info in client.run(lambda: {"pid": os.getpid()}).values()}
        asked = client.run(lambda: len(sys.modules["xiantong_nb.elsewhere"]._own[0].used))
    told = {
        "states": [cell.state for cell in made],
        "texts": sorted({cell.reply.text for cell in made}),
        "again": [cell.state for cell in again],
        "processes": len(processes - {os.getpid()}),
        "asked": sorted(asked.values()),
        "key_sent": any(os.environ["ANTHROPIC_API_KEY"].encode() in sent for sent in executor.sent),
        "batches": len(executor.sent),
        "errors": [str(cell.error) for cell in made.errors],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
