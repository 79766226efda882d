"""Help where people look: `?` of every magic and command, `-h`, and the docstrings of what the package offers."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap

import pytest

import xiantong_nb
from xiantong_nb.notebook import commands, line
from xiantong_nb.notebook.commands import COMMANDS
from xiantong_nb.notebook.screen import Screen

PUBLIC = [name for name in xiantong_nb.__all__ if not name.startswith("__")]
ERRORS = set(xiantong_nb.__all__) & {name for name, home in xiantong_nb._HOME.items() if home == "errors"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_how_it_is_called(name, capsys):
    commands.run(f"{name} -h", Screen(terminal=True))
    told = capsys.readouterr().out
    command = COMMANDS[name]
    assert f"usage: %xiantong {name}" in told
    assert command.help in told
    assert all(row.flag in told for row in command.options)
    assert all(place in told for place, *_ in command.places)
    assert f"for example:\n  %xiantong {name}" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_can_be_read(name):
    command = COMMANDS[name]
    parser = line.parser(name, command.help, command.options, command.places)
    for words in command.examples:
        assert parser.parse_args(line.words(words))


@pytest.mark.parametrize("row", [*line.OPTIONS, *line.CONNECT], ids=lambda row: row.flag)
def test_an_option_names_its_values(row):
    assert all(value in row.usage for value in row.choices or ()) or row.optional_value


def test_a_question_mark_brings_usage(kernel):
    for typed in ("%%ask?", "%ask?", "?%%ask"):
        (shown,) = kernel.run(typed).reply["payload"]
        assert all(row.flag in shown["data"]["text/plain"] for row in line.OPTIONS), typed
    for typed in ("%xiantong?", "%%xiantong?"):
        (shown,) = kernel.run(typed).reply["payload"]
        assert all(f"{name:8}  {COMMANDS[name].help}" in shown["data"]["text/plain"] for name in COMMANDS), typed
    for name, command in COMMANDS.items():
        ran = kernel.run(f"%xiantong {name}?")
        assert ran.status == "ok"
        assert command.help in ran.text
        assert "for example:" in ran.text


def functions():
    """Each public function, and each public method and property of a public class that is ours, by name."""
    for name in PUBLIC:
        value = getattr(xiantong_nb, name)
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for member, found in vars(value).items():
                code = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
                if (
                    inspect.isfunction(code)
                    and not member.startswith("_")
                    and "<string>" not in code.__code__.co_filename
                ):
                    yield f"{name}.{member}", code


FUNCTIONS = dict(functions())


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isclass(getattr(xiantong_nb, name))])
def test_a_class_says_what_it_is(name):
    own = vars(getattr(xiantong_nb, name))["__doc__"]
    assert own
    assert not own.startswith(f"{name}("), "it is a dataclass's own"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_does_and_what_it_raises(name):
    told = inspect.getdoc(FUNCTIONS[name])
    assert told
    for error in raised(FUNCTIONS[name]):
        assert error in told, f"it raises {error}, and does not say so"


def raised(function):
    """The package's errors that are raised in a function's own body."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    thrown = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc is not None]
    names = [ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in thrown]
    return {name.rpartition(".")[2] for name in names} & ERRORS


def test_what_is_raised_is_found():
    def one(call):
        if call:
            raise xiantong_nb.UsageError("x")
        raise ValueError(call)

    assert raised(one) == {"UsageError"}


def test_times_and_money_have_their_units():
    for name in ("Reply", "Comparison", "Results"):
        value = getattr(xiantong_nb, name)
        told = " ".join(
            [value.__doc__, *(FUNCTIONS[each].__doc__ for each in FUNCTIONS if each.startswith(f"{name}."))]
        )
        assert "USD" in told
        assert re.search(r"in s\b|seconds", told)
