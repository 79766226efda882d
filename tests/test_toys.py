"""The toys: files that are the same each time, and texts that are true."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from itertools import combinations

import pytest

from xiantong_nb import toys

FENCE = re.compile(r"```python\n(.*?)\n```", re.DOTALL)
each_toy = pytest.mark.parametrize("toy", toys.TOYS, ids=lambda toy: toy.id)


@each_toy
def test_file_is_small_and_the_same_each_time(toy, tmp_path):
    """Two writes give the same bytes, about a megabyte of them."""
    toys.write(toy, tmp_path / "a")
    toys.write(toy, tmp_path / "b")
    raw = (tmp_path / "a").read_bytes()
    assert raw.startswith(b"GGUF")
    assert raw == (tmp_path / "b").read_bytes()
    assert len(raw) < 2_500_000


def test_the_three_are_different_files(tmp_path):
    for toy in toys.TOYS:
        toys.write(toy, tmp_path / toy.id)
    assert len({(tmp_path / toy.id).read_bytes() for toy in toys.TOYS}) == 3


@each_toy
def test_tokens_are_unique_and_spell_the_scripts(toy):
    """llama.cpp wants no token text twice; following the successors gives each script back."""
    tokens, types, successors = toys._vocabulary(toy)
    assert len(set(tokens)) == len(tokens) == len(types) == len(successors)
    spelt = {text: byte for byte, text in enumerate(tokens[:256])}
    end = tokens.index(toys.END)
    for name, text in toy.scripts.items():
        once, _, again = text.partition(toys.AGAIN)
        wanted = (once + again + again).encode()
        said, token = b"", tokens.index(f"<|say:{name}|>")
        while (token := successors[token]) != end and len(said) < len(wanted):
            said += bytes(spelt[char] for char in tokens[token])
        assert said[: len(wanted)] == wanted
        assert (token == end) == (not again)


def test_a_character_is_split_over_tokens():
    """The panda's four bytes are in two tokens, so its first half has to be held back."""
    chunks = toys._chunks("Look: 🐼 there", set())
    assert chunks == [b"Look:", b" \xf0\x9f", b"\x90\xbc", b" there"]
    assert b"".join(chunks).decode() == "Look: 🐼 there"


@each_toy
def test_no_sampler_can_miss_the_successor(toy):
    """The closest two codes still differ by 30 nats and more."""
    tokens, _, _ = toys._vocabulary(toy)
    codes = [int.from_bytes(toys._code(token)[1::2], "big") for token in range(len(tokens))]  # sign bits
    nearest = min((a ^ b).bit_count() for a, b in combinations(codes[::3], 2))
    assert len(set(codes)) == len(codes)
    assert 2 * nearest * toys.SCALE >= 30


@each_toy
def test_every_answer_says_what_it_is(toy):
    """No answer passes for a language model's; the tool call alone has no words of its own."""
    for name, text in toy.scripts.items():
        flat = " ".join(text.split())
        assert name == "tool" or f"**{toy.id}**, a scripted toy and not a language model" in flat


@each_toy
@pytest.mark.parametrize("script", ["default", "code"])
def test_code_prints_what_the_text_says(toy, script):
    """The one fence of an answer runs, and prints what follows it."""
    text = toy.scripts[script]
    fences = FENCE.findall(text)
    assert len(fences) == (1 if script == "code" or toy.id == "toy-2" else 0)
    for code in fences:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert f"It prints `{done.stdout.strip()}`" in text


def test_the_long_answer_is_true():
    """Every number is the product of its primes, every square right, no line said twice."""
    lines = [line for line in toys.TOYS[0].scripts["long"].splitlines() if line.startswith("- ")]
    assert len(lines) == len(set(lines)) == 799
    for number, line in enumerate(lines, 2):
        found = re.fullmatch(r"- (\d+)(?: = ([\d ×]+)| is prime), (\d+)² = (\d+)", line)
        assert found
        parts = [int(part) for part in (found[2] or found[1]).split(" × ")]
        assert all(part % d for part in parts for d in range(2, math.isqrt(part) + 1))
        assert int(found[1]) == int(found[3]) == math.prod(parts) == number
        assert int(found[4]) == number * number
