"""One provider's journey in a kernel, step by step: the same against a stand-in and against the provider itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from tests.decoding import CHAT
from xiantong_nb.probe import STAGES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kernels import Kernel, Ran

WRONG = "wrong-CANARY-0123456789-wxyz-abcdef"
FEW = "--alone --max-tokens 64"


@dataclass(frozen=True)
class Case:
    """
    One connection: how it is connected, and what is asked of it.

    `connect` is the line behind the command, `answers` are typed at its prompts. `model` is what it asks once
    connected, at `url`; `seeing` is one that takes images.
    """

    slug: str
    connect: str
    url: str
    model: str
    answers: tuple[str, ...] = ()
    seeing: str = ""


C = TypeVar("C", bound=Case)


def on_the_other_wire(case: C) -> C:
    """The same endpoint by chat completions, as a connection of its own."""
    slug = f"{case.slug}-chat"
    connect = f"{case.connect} --api {CHAT} --name {slug}"
    return replace(case, slug=slug, connect=connect, url=case.url.replace("/messages", "/chat/completions"))


def connect(kernel: Kernel, case: Case) -> Ran:
    """Connect it: asked for what is missing, tested, saved, in use."""
    ran = kernel.run(f"%xiantong connect {case.connect} --text", answers=list(case.answers))
    assert ran.status == "ok", ran.text
    _passed(ran, case)
    assert f"Tested and saved: {case.slug}." in ran.text
    assert f"This kernel now asks {case.slug}:{case.model}" in ran.text
    return ran


def try_out(kernel: Kernel, case: Case) -> Ran:
    """Test it again: every stage, at the final URL."""
    ran = kernel.run(f"%xiantong test {case.slug}")
    assert ran.status == "ok", ran.text
    _passed(ran, case)
    return ran


def list_models(kernel: Kernel, case: Case) -> Ran:
    """List its models, then some of them from what is kept."""
    ran = kernel.run(f"%xiantong models {case.slug} --refresh")
    assert ran.status == "ok", ran.text
    assert case.model in ran.text
    assert "Listed just now." in ran.text
    kept = kernel.run(f"%xiantong models {case.slug} {case.model}")
    assert case.model in kept.text
    assert "--refresh asks again" in kept.text
    return ran


def ask(kernel: Kernel, case: Case, model: str = "", more: str = "") -> Ran:
    """Ask it a question; the answer is whole, counted, and holds no key."""
    target = f"{case.slug}:{model}" if model else case.slug
    ran = kernel.run(f"%%ask {target} {FEW} --to reply {more}\nReply with the word: hello")
    assert ran.status == "ok", ran.text
    assert kernel.value("(reply.complete, reply.connection, bool(reply.text))") == (True, case.slug, True)
    assert kernel.value("reply.usage.output_tokens") > 0
    return ran


def show_image(kernel: Kernel, case: Case, image: Path) -> Ran:
    """Ask it about an image."""
    return ask(kernel, case, case.seeing, f"--image {image}")


def misspell(kernel: Kernel, case: Case) -> Ran:
    """Ask a model that it has not: the one that was meant is named."""
    ran = kernel.run(f"%%ask {case.slug}:{case.model}x {FEW}\nhello")
    assert ran.error["ename"] == "UnknownModel", ran.text
    assert f"has no model '{case.model}x'" in ran.text
    assert re.search(rf"{re.escape(case.model)}(?!x)", ran.text), ran.text
    return ran


def mistype_key(kernel: Kernel, case: Case) -> Ran:
    """Give it a wrong key: it is refused, and the old one stays."""
    ran = kernel.run(f"%xiantong edit {case.slug} --ask-key --text", answers=[WRONG])
    assert ran.error["ename"] == "KeyRefused", ran.text
    assert "refused the key from your entry, sent as" in ran.text
    assert "Nothing was saved" in ran.text
    assert WRONG not in str(ran.messages)
    return ran


def _passed(ran: Ran, case: Case) -> None:
    assert case.url in ran.text
    for stage in STAGES:
        assert stage in ran.text
    assert "failed" not in ran.text
