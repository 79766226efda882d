"""Each failure has one kind, by its class and what it was made with."""

from __future__ import annotations

from typing import get_args

import pytest

from xiantong_nb import errors
from xiantong_nb.kinds import _ROWS, Kind, kind_of


def leaves(kind):
    return [kind] if not kind.__subclasses__() else [leaf for sub in kind.__subclasses__() for leaf in leaves(sub)]


@pytest.mark.parametrize("error", leaves(errors.XiantongError), ids=lambda error: error.__name__)
def test_every_error_has_a_kind(error):
    assert kind_of(error("It failed."))[0] in get_args(Kind)


@pytest.mark.parametrize(
    ("error", "kind", "field"),
    [
        (errors.KeyRefused("x", status=401), "bad_key", "key"),
        (errors.KeyRefused("x", status=403), "forbidden", "key"),
        (errors.UnknownModel("x", status=404), "model_missing", "model"),
        (errors.NotFound("x", status=404), "wrong_url", "base_url"),
        (errors.OutOfCredit("x", status=402), "no_credit", ""),
        (errors.Busy("x", status=429), "rate_limited", ""),
        (errors.Busy("x", status=529), "rate_limited", ""),
        (errors.Busy("x", status=503), "server", ""),
        (errors.BadReply("x", status=307), "wrong_url", "base_url"),
        (errors.BadReply("x", status=200), "bad_reply", "base_url"),
        (errors.RequestRefused("x", status=400), "bad_reply", ""),
        (errors.IncompleteReply("x"), "bad_reply", "base_url"),
        (errors.StoreBusy("x"), "store", ""),
        (errors.NotConnected("x"), "check", ""),
        (errors.EngineError("x"), "unknown", ""),
        *(
            (errors.Unreachable("x", kind=kind), kind, "base_url")
            for kind in ("dns", "refused", "tls", "proxy", "timeout")
        ),
        (errors.Unreachable("x", kind="silent"), "timeout", "base_url"),
        (errors.Unreachable("x", kind="certificates"), "tls", "base_url"),
        (errors.Unreachable("x", kind="cut"), "server", "base_url"),
        (errors.Unreachable("x", kind="other"), "unknown", ""),
    ],
)
def test_by_class_status_and_reason(error, kind, field):
    assert kind_of(error) == (kind, field)


def test_a_refusal_of_no_key_at_all_is_another_kind():
    assert kind_of(errors.KeyRefused("x", status=403), keyless=True) == ("no_key", "key")


def test_no_row_is_in_the_shadow_of_one_before_it():
    for number, row in enumerate(_ROWS):
        error = row.error("x")
        error.status, error.kind = (*row.status, 0)[0], (*row.reason, "")[0]
        found = next(r for r in _ROWS if r.fits(error, keyless=row.keyless))
        assert found is row, number
