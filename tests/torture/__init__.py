"""
Saved files, streams and hostile replies under everything that can happen, each figure printed as `R1: value (goal)`.

    python -m tests.torture [--ci] [R1 R2 ...]       `make torture` is all of them at full size
"""
