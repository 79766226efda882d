"""The magic line."""

from __future__ import annotations

import pytest

from xiantong_nb.errors import UsageError
from xiantong_nb.notebook import line


@pytest.mark.parametrize(
    ("typed", "options", "question"),
    [
        ("what's up?", "", "what's up?"),
        ("--alone what's up?", "--alone", "what's up?"),
        ("--to x --system 'be brief' is it \"so\"?", "--to x --system 'be brief'", 'is it "so"?'),
        ("--max-tokens=5 -1 + 2 is?", "--max-tokens=5", "-1 + 2 is?"),
        ("what does --alone do?", "", "what does --alone do?"),
        ("-- hello", "", "-- hello"),
        ("-h", "-h", ""),
        ("  spaces   inside  ", "", "spaces   inside"),
        ("{name} $x \\n", "", "{name} $x \\n"),
    ],
)
def test_a_one_line_question_is_kept_as_typed(typed, options, question):
    assert line.split_options(typed) == (options, question)


def test_targets_and_options_may_stand_in_any_order():
    asked = line.parse("--stop a openrouter:a/b --stop 'b c' --as text")
    assert asked.targets == ["openrouter:a/b"]
    assert asked.stop == ["a", "b c"]
    assert asked.as_ == "text"


@pytest.mark.parametrize("typed", ["--max-tokens x", "--as pdf", "--nothing", "--system", "'open", "--max 3"])
def test_a_bad_line_is_a_usage_error(typed):
    with pytest.raises(UsageError):
        line.parse(typed)


def test_help_prints_every_option(capsys):
    with pytest.raises(line.HelpShown):
        line.parse("-h")
    shown = capsys.readouterr().out
    for row in line.OPTIONS:
        assert row.flag in shown


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("sonnet ollama:llama3.2       # both at once", ["sonnet", "ollama:llama3.2"]),
        ("list # a 'quote that stays open", ["list"]),
        ("# nothing but words", []),
        ("--system 'a # b' --stop \"#\"", ["--system", "a # b", "--stop", "#"]),
        ("rename mine C# #1", ["rename", "mine", "C#", "#1"]),
    ],
)
def test_a_comment_is_left_out(typed, words):
    assert line.words(typed) == words


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        (r"--file C:\Users\me\data.csv", r"C:\Users\me\data.csv"),
        (r"""--file "C:\My data\new.csv" # a comment""", r"C:\My data\new.csv"),
        (r"--file '\\server\share\' # a comment", "\\\\server\\share\\"),
        ("--file C:/Users/me/data.csv", "C:/Users/me/data.csv"),
    ],
)
def test_on_windows_a_backslash_is_part_of_a_path(typed, path):
    assert line.words(typed, windows=True) == ["--file", path]


def test_elsewhere_a_backslash_takes_the_meaning_of_what_follows():
    assert line.words(r"--file my\ data.csv", windows=False) == ["--file", "my data.csv"]


def test_on_windows_too_quotes_have_to_close():
    with pytest.raises(UsageError, match="Close the quotes"):
        line.words(r'--file "C:\My data', windows=True)


def test_a_question_keeps_its_signs():
    assert line.split_options("--alone is # a comment?") == ("--alone", "is # a comment?")
