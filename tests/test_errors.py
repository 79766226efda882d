"""Errors: readable, and whole after a journey to another process."""

from __future__ import annotations

import pickle

import pytest

from xiantong_nb import errors
from xiantong_nb.errors import Busy, IncompleteReply, Unreachable, XiantongError, bare
from xiantong_nb.reply import Reply


@pytest.mark.parametrize(
    "error",
    [
        XiantongError("m", hint="h", where="w"),
        Unreachable("m", kind="dns", hint="h"),
        Busy("m", status=529, kind="k", request_id="r", retry_after=2.0, hint="h", where="w"),
        IncompleteReply("m", reply=Reply(model="x"), hint="h"),
    ],
    ids=repr,
)
def test_an_error_survives_pickling(error):
    """Process pools send errors so, and hang on one that can't be made again."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_the_text_is_message_where_and_hint():
    assert str(XiantongError("It failed.", hint="Do this.", where="a:b at c")) == "It failed.\na:b at c\nDo this."
    assert str(XiantongError("It failed.")) == "It failed."


def test_what_is_quoted_in_it_obeys_nobody():
    """Models, endpoints and files write into errors, which terminals show and JupyterLab makes links of."""
    said = "a\x1b]52;c;cm0gLXJmIC8=\x07b \x1b[2Jc \u202e javascript://x\ny"
    error = Busy(said, status=529, hint=said, where=said)
    for text in (str(error), error.message, *error.args, error.hint, error.where):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "javascript://" not in text
        assert text.startswith("ab c ")


def test_every_error_is_one_of_ours_and_drawn_in_the_tree():
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, Exception):
            assert issubclass(kind, XiantongError)
            assert name in errors.__doc__


def test_bare_drops_frames_and_causes():
    try:
        int("holds a key")
    except ValueError:
        with pytest.raises(XiantongError) as raised:
            raise XiantongError("m") from None
    caught = raised.value
    assert caught.__context__ is not None
    assert bare(caught) is caught
    assert (caught.__context__, caught.__cause__, caught.__traceback__) == (None, None, None)
