"""Values in prompts: names that are there give way, and nothing else changes; at the wire, in a real kernel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import kernel_env
from tests.fault_server import FaultServer, good
from tests.kernels import Kernel
from xiantong_nb.notebook.prompt import expand
from xiantong_nb.request import Image, Text

CORPUS = (Path(__file__).parent / "corpus" / "braces.txt").read_text(encoding="utf-8")
NAMES = """
name, x, n, i, a, b, price, key, col = "Ada", 3, 5, 1, 1, 2, 9.5, "k", "age"
data, d, point = [7, 8, 9], {"key": {"k": [10, 20]}, "x": 1}, 3 + 4j
braces, fence, df = "{name} and {x} {{n}}", "```\\n{x}", "a table"
"""


def cases():
    for part in re.split(r"^=== ", CORPUS, flags=re.MULTILINE)[1:]:
        name, _, text = part.rstrip("\n").partition("\n")
        typed, _, sent = text.partition("\n---\n")
        yield pytest.param(typed, sent or typed, id=name)


CASES = list(cases())


def namespace() -> dict[str, object]:
    made: dict[str, object] = {}
    exec(NAMES, made)
    return made


def text(typed: str, **names: object) -> str:
    prompt = expand(typed, names or namespace())
    assert all(isinstance(block, Text) for block in prompt.blocks)
    return "".join(block.text for block in prompt.blocks)


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    """A kernel that asks a server which remembers what it was asked."""
    server = FaultServer()
    server.play(good("yes"))
    home = tmp_path_factory.mktemp("home")
    made = Kernel({**kernel_env(home), "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_MODEL": "m"})
    assert made.run(f"%load_ext xiantong_nb\n{NAMES}").status == "ok"
    yield made, server
    made.stop()
    server.close()


def test_the_corpus_is_large_enough():
    assert len(CASES) >= 100
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("typed", "sent"), CASES)
def test_a_prompt_reaches_the_wire_as_typed_but_for_its_values(wire, typed, sent):
    kernel, server = wire
    server.seen.clear()
    assert kernel.run(f"%%ask --alone --quiet\n{typed}\n").status == "ok"
    (request,) = server.seen
    assert request.json["messages"] == [{"role": "user", "content": f"{sent}\n"}]


@pytest.mark.parametrize("typed", [case.values[0] for case in CASES], ids=[case.id for case in CASES])
def test_without_expansion_every_prompt_reaches_the_wire_as_typed(wire, typed):
    kernel, server = wire
    server.seen.clear()
    assert kernel.run(f"%%ask --alone --quiet --no-expand\n{typed}\n").status == "ok"
    assert server.seen[0].json["messages"][0]["content"] == f"{typed}\n"


def test_one_line_questions_have_values_too(wire):
    kernel, server = wire
    server.seen.clear()
    kernel.run("%ask --alone who is {name}?")
    kernel.run("reply = %ask --alone {x} + {n} = what?")
    assert [seen.json["messages"][0]["content"] for seen in server.seen] == ["who is Ada?", "3 + 5 = what?"]


def test_what_is_not_there_is_said_before_the_answer(wire):
    kernel, server = wire
    server.seen.clear()
    ran = kernel.run("%%ask --alone\nWho is {nmae}, and {d['no']}? {xyzzy}")
    said, answer = ran.outputs
    assert (said["type"], said["name"]) == ("stream", "stderr")
    assert said["text"].splitlines() == [
        "{nmae} is sent as typed: there is no nmae; did you mean name?",
        "{d['no']} is sent as typed: d['no'] can't be read (KeyError).",
        "{xyzzy} is sent as typed: there is no xyzzy.",
    ]
    assert answer["type"] == "display_data"
    assert server.seen[0].json["messages"][0]["content"] == "Who is {nmae}, and {d['no']}? {xyzzy}\n"


def test_the_footer_names_what_went_in_and_what_was_left(wire):
    kernel, _ = wire
    ran = kernel.run("%%ask --alone\n{name} {d} f'{x}' `f({n})` {price:.2f}")
    footer = ran.only_output["data"]["text/plain"].splitlines()[-1]
    assert footer.endswith(" · with name, d (dict of 2) · left as typed: {x}, {n}, {price:.2f}")


def test_a_value_that_holds_a_stored_key_is_refused(wire):
    kernel, server = wire
    server.seen.clear()
    kernel.run("import os; os.environ['ANTHROPIC_API_KEY'] = canary = 'CANARY-' + '0123456789-wxyz'")
    for typed in ("what is {canary}?", "{os.environ}", "`{canary}`"):
        ran = kernel.run(f"%%ask --alone\n{typed}")
        kernel_says = ran.error["traceback"][0]
        assert "holds the key of anthropic, so it was not sent" in kernel_says
        assert "0123456789" not in ran.text
    kernel.run("del os.environ['ANTHROPIC_API_KEY'], canary")
    assert server.seen == []


def test_the_system_prompt_is_not_searched_for_names(wire):
    kernel, server = wire
    server.seen.clear()
    kernel.run("style = 'Say {name}.'\n")
    kernel.run("%%ask --alone --system @style\nhi")
    kernel.run("%%ask --alone --system 'Say {x}.'\nhi")
    assert [seen.json["system"] for seen in server.seen] == ["Say {name}.", "Say {x}."]


PROSE = st.text(st.characters(blacklist_characters="{}"))
WORDS = st.sampled_from(
    ("name", "x", "d", "data", "nobody", "a.b", "x:", "'x': 1", " name", "name ", "n}", "{n", "", "1")
)


@given(PROSE)
def test_text_without_braces_is_never_changed(typed):
    assert text(typed) == typed


@given(st.lists(st.one_of(PROSE, st.sampled_from(("{", "}", "`", "```\n", "\\", "$", "f'", "{x}", "\n", "_", "^")))))
def test_where_no_name_exists_nothing_is_ever_changed(parts):
    typed = "".join(parts)
    assert text(typed, other=1) == typed


@given(st.lists(st.one_of(st.just("{x}"), st.just("{name}"), st.text("abc ,.;:()!?\n", max_size=9)), max_size=12))
def test_in_prose_every_name_gives_way_once(parts):
    values = {"{x}": "{name}{{", "{name}": "```{x}`$"}
    assert text("".join(parts), x="{name}{{", name="```{x}`$") == "".join(values.get(part, part) for part in parts)


@given(
    st.lists(
        st.tuples(st.sampled_from(("{", "{{", "${", "\\f{", "^{", "f'{")), WORDS, st.sampled_from(("}", "}}", "}'")))
    )
)
def test_what_is_dropped_or_doubled_is_only_ever_a_value(parts):
    """Whatever is typed: with each value put back, the prompt is what was typed."""
    typed = " ".join(map("".join, parts))
    marks = {"name": "\ue000", "x": "\ue001", "d": "\ue002", "data": "\ue003"}
    sent = text(typed, **marks)
    for name, mark in marks.items():
        sent = sent.replace(mark, "{" + name + "}")
    assert sent == typed


@dataclass
class Odd:
    """Things that go wrong when they are looked at."""

    looked: int = 0

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self.looked += 1
        raise RuntimeError("not today")

    def __str__(self):
        raise ValueError("no words")

    def run(self):
        raise AssertionError("called")


def test_odd_objects_do_no_harm():
    odd = Odd()
    prompt = expand("{odd} {odd.thing} {odd.run} {odd[0]} {odd.run()}", {"odd": odd})
    assert prompt.blocks[0].text.startswith("{odd} {odd.thing} \ndef run(self):")
    assert [warning.partition(": ")[2] for warning in prompt.warnings] == [
        "its text can't be had (ValueError).",
        "odd.thing can't be read (RuntimeError).",
        "odd[0] can't be read (TypeError).",
    ]
    assert prompt.notes[-1] == "left as typed: {odd.run()}"
    assert odd.looked == 1


def test_modules_and_built_in_functions_are_no_values():
    prompt = expand("{re} {print} {kind}", {"re": re, "print": print, "kind": int})
    assert prompt.blocks == (Text("{re} {print} {kind}"),)
    assert prompt.warnings[0] == "{re} is sent as typed: it is a module."
    assert len(prompt.warnings) == 3


def test_images_stand_where_they_were_named(tmp_path):
    from PIL import Image as Pillow

    dot = Pillow.new("RGB", (2, 2))
    prompt = expand("Compare {one} with {two}.\n{one}", {"one": dot, "two": dot})
    kinds = [type(block) for block in prompt.blocks]
    assert kinds == [Text, Image, Text, Image, Text, Image]
    assert [b.text for b in prompt.blocks if isinstance(b, Text)] == ["Compare ", " with ", ".\n"]
    assert prompt.notes == ("with one (image), two (image)",)
    alone = expand(" {one}\n", {"one": dot})
    assert [type(block) for block in alone.blocks] == [Image]


def test_a_table_has_its_lines_for_itself():
    value = [list(range(300))]
    sent = text("Look at {v} now.", v=value)
    assert sent.startswith("Look at \n[list of 1, cut where it says …]\n[[0, 1, ")
    assert sent.endswith("\n now.")
    assert text("{v}", v=value).startswith("[list of 1")
