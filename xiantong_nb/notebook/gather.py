"""What a line and its cell ask for: the question with its values, the options, and what goes along."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xiantong_nb.errors import UsageError
from xiantong_nb.options import Options

if TYPE_CHECKING:
    import argparse

    from xiantong_nb.request import Document, Image, Prompt, Text
    from xiantong_nb.shape import Shape


def question(text: str, asked: argparse.Namespace, shell: Any) -> str | Prompt:
    """Return the question with values in the places of their names; says at once what is not there."""
    if asked.no_expand or "{" not in text:
        return text
    from xiantong_nb.notebook.prompt import expand

    prompt = expand(text, shell.user_ns)
    for warning in prompt.warnings:
        sys.stderr.write(f"{warning}\n")
    return prompt


def options(asked: argparse.Namespace, shell: Any) -> Options:
    """Return the options of a line, with what they name of the notebook and the disk."""
    if asked.to is not None and (not asked.to.isidentifier() or keyword.iskeyword(asked.to)):
        raise UsageError(f"--to {asked.to}: that is not a variable's name.")
    files, notes = _files(asked, shell)
    return Options(
        system=_system(asked.system or "", shell),
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        stop=tuple(asked.stop),
        images=tuple(_image(text, shell) for text in asked.image),
        files=files,
        schema=_schema(asked.schema, shell) if asked.schema else None,
        effort=asked.effort or "",
        reuse=asked.reuse,
        notes=notes,
        budget=asked.budget,
        chat="default" if asked.chat is None else asked.chat,
        new=asked.new,
        alone=asked.alone,
    )


def _system(text: str, shell: Any) -> str:
    if not text.startswith("@"):
        return text
    if text[1:] not in shell.user_ns:
        raise UsageError(f"--system {text}: there is no variable {text[1:]!r}.")
    return str(shell.user_ns[text[1:]])


def _files(asked: argparse.Namespace, shell: Any) -> tuple[tuple[Text | Document, ...], tuple[str, ...]]:
    """Return the files and the last cells that go along, and notes that name them."""
    found: list[Text | Document] = []
    notes: list[str] = []
    if asked.file:
        from xiantong_nb.inlined import inlined

        read = [inlined(path) for path in asked.file]
        found += [block for block, _ in read]
        notes.append(f"with {', '.join(told for _, told in read)}")
    if asked.cells is not None:
        from xiantong_nb.notebook.cells import executed

        if asked.cells < 1:
            raise UsageError(f"--cells {asked.cells}: how many cells, from 1.")
        cells, told = executed(shell, asked.cells)
        found += [cells] if cells else []
        notes.append(told or "no cell ran before")
    return tuple(found), tuple(notes)


def _schema(text: str, shell: Any) -> Shape:
    from xiantong_nb.shape import shape

    return shape(_value(text, shell, f"--schema {text} is no value here", "Give a variable, or a dict."), name=text)


def _image(text: str, shell: Any) -> Image:
    """Read what `--image` names: a URL, a file, or an expression of the notebook."""
    from xiantong_nb.pictures import named, picture

    value: Any = text
    if not named(text) and not Path(text).expanduser().is_file():
        failed = f"--image {text} is no file, no URL and no value here"
        value = _value(text, shell, failed, "Give a path, a URL, or a variable.")
    return picture(value, name=f"--image {text}")


def _value(text: str, shell: Any, failed: str, hint: str) -> Any:
    """Return what an expression of the notebook stands for; `failed` is said where it stands for nothing."""
    try:
        return shell.ev(text)
    except Exception as error:  # noqa: BLE001  # whatever a person's expression raises
        raise UsageError(f"{failed} ({type(error).__name__}).", hint=hint) from None
