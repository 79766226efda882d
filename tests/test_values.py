"""What a notebook has, as a model reads it: compact, with its shape and a cut that is said."""

from __future__ import annotations

import base64
import io
import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from IPython.display import Image as Displayed
from matplotlib.figure import Figure
from PIL import Image as Pillow

from xiantong_nb.errors import UsageError
from xiantong_nb.notebook.values import MOST_OTHER, MOST_TEXT, Unshown, shown
from xiantong_nb.reply import Reply
from xiantong_nb.request import Image, Text

mpl.use("agg")


@pytest.mark.parametrize(
    ("value", "text", "told"),
    [
        ("as it is {x}", "as it is {x}", ""),
        (3, "3", ""),
        (None, "None", ""),
        (np.float64(1.5), "1.5", ""),
        ({"a": [1, {"b": None}]}, "{'a': [1, {'b': None}]}", "dict of 1"),
        ({"b": 1, "a": {}}, "{'b': 1, 'a': {}}", "dict of 2"),
        ([], "[]", "list of 0"),
        (b"abc", "b'abc'", "bytes of 3"),
        (Reply(blocks=(Text("an answer"),)), "an answer", ""),
    ],
)
def test_small_values_are_themselves(value, text, told):
    assert shown(value) == (text, told)


@pytest.mark.parametrize(
    ("frame", "lines"),
    [
        (
            pd.DataFrame({"a": [1, 2], "b": ["x,y", None], "c": [0.5, math.nan]}),
            ["[DataFrame, 2 x 3]", "[columns: a (int64), b (str), c (float64)]", "a,b,c", '1,"x,y",0.5', "2,,"],
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.Index(["u"], name="who")),
            ["[DataFrame, 1 x 1]", "[columns: who (index), a (int64)]", "who,a", "u,1"],
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("u", 2)], names=["who", "n"])),
            ["[DataFrame, 1 x 1]", "[columns: who (index), n (index), a (int64)]", "who,n,a", "u,2,1"],
        ),
        (pd.Series([1, 2], name="s"), ["[Series, 2 x 1]", "[columns: s (int64)]", "s", "1", "2"]),
        (
            pl.DataFrame({"a": [1, None], "b": ["x", "y"]}),
            ["[DataFrame, 2 x 2]", "[columns: a (Int64), b (String)]", "a,b", "1,x", ",y"],
        ),
        (pl.Series("s", [1.5]), ["[Series, 1 x 1]", "[columns: s (Float64)]", "s", "1.5"]),
        (pd.DataFrame(), ["[DataFrame, 0 x 0]", "[columns: ]", ""]),
    ],
    ids=["pandas", "index", "several indices", "pandas series", "polars", "polars series", "empty"],
)
def test_tables_are_compact(frame, lines):
    text, told = shown(frame)
    assert text.split("\n") == lines
    assert f"[{told}]" == lines[0]


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame({"n": range(100_000)}), pl.DataFrame({"n": range(100_000)}), pd.Series(range(100_000), name="n")],
    ids=["pandas", "polars", "series"],
)
def test_a_long_table_is_cut_and_says_so(frame):
    text, told = shown(frame)
    head, _, _, *rows = text.split("\n")
    assert head.endswith(", 100,000 x 1, cut: the first 20 and the last 10 rows]")
    assert rows == [*map(str, range(20)), "…", *map(str, range(99_990, 100_000))]
    assert told.endswith("100,000 x 1, cut")


def test_a_wide_table_and_long_cells_are_cut():
    text, told = shown(pd.DataFrame({f"c{n}": ["y" * 500] for n in range(100)}))
    assert text.startswith("[DataFrame, 1 x 100, cut: the first 40 columns]\n[columns: c0 (str), ")
    assert "c39" in text
    assert "c40" not in text
    assert "y" * 200 + "…" in text
    assert told == "DataFrame, 1 x 100, cut"
    assert len(text) < MOST_OTHER + 1000
    assert len(shown(pd.DataFrame({str(n): ["y" * 500] * 30 for n in range(40)}))[0]) < MOST_OTHER + 2000


def test_odd_cells_do_no_harm():
    class Odd:
        def __str__(self):
            raise ValueError

    assert shown(pd.DataFrame({"a": [pd.NA, pd.NaT, [1]]}))[0].endswith("a\n<NA>\nNaT\n[1]")
    assert shown(pd.DataFrame([[1, 2]], columns=["same", "same"]))[0].endswith("same,same\n1,2")
    with pytest.raises(Unshown, match="ValueError"):
        shown(pd.DataFrame({"a": [Odd()]}))


def test_arrays_are_shown_whole_or_by_their_edges():
    assert shown(np.eye(2)) == ("[array, 2 x 2, float64]\n[[1., 0.],\n [0., 1.]]", "array 2 x 2, float64")
    text, told = shown(np.zeros((100, 100, 3)))
    assert text.startswith("[array, 100 x 100 x 3, float64, cut to 4 at each end]\n")
    assert len(text) < 3000
    assert told == "array 100 x 100 x 3, float64, cut"
    assert shown(np.array(["a ... b"]))[0].endswith("['a ... b']")
    assert shown(np.array(5)) == ("[array, one value, int64]\n5", "array one value, int64")


def test_long_text_and_collections_are_cut_and_say_so():
    text, told = shown("é" * (MOST_TEXT + 5))
    assert text == "é" * MOST_TEXT + "\n[… cut: the first 100,000 of 100,005 characters]"
    assert told == "the first 100,000 of 100,005 characters"
    text, told = shown({n: n for n in range(1000)})
    assert text.startswith("[dict of 1,000, cut where it says …]\n{0: 0, ")
    assert text.endswith("199: 199, …}")
    assert told == "dict of 1,000, cut"
    nested: list = []
    nested.append(nested)
    assert "…" in shown(nested)[0]
    assert shown(["..."]) == ("['...']", "list of 1")


def test_code_goes_in_as_its_source():
    text, told = shown(test_code_goes_in_as_its_source)
    assert text.startswith("def test_code_goes_in_as_its_source():")
    assert told == "source"
    assert shown(Odd)[0].startswith("class Odd:")


class Odd:
    pass


def encoded(value: Image) -> tuple[int, int]:
    assert isinstance(value, Image)
    return Pillow.open(io.BytesIO(base64.b64decode(value.data))).size


def test_figures_and_images_go_in_as_images():
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([1, 2])
    dot = Pillow.new("RGB", (7, 5))
    file = io.BytesIO()
    dot.save(file, "PNG")
    for value in (figure, axes):
        image, told = shown(value)
        assert min(encoded(image)) > 100
        assert told == "image"
    assert encoded(shown(dot)[0]) == (7, 5)
    assert encoded(shown(Displayed(file.getvalue()))[0]) == (7, 5)
    with pytest.raises(UsageError, match="a figure of the prompt"):
        shown(type("Broken", (), {"savefig": lambda _, file, **_more: file.write(b"no image")})())


def test_a_lazy_frame_is_not_computed():
    def boom(_):
        raise AssertionError("computed")

    lazy = pl.LazyFrame({"a": [1]}).map_batches(boom, schema={"a": pl.Int64})
    assert "PYTHON" in shown(lazy)[0].upper() or "plan" in shown(lazy)[0]
