"""Files that go along: text, notebooks and PDFs, on the wires that take them, and refusals with their reasons."""

from __future__ import annotations

import base64
import json
import os

import pytest

from tests.conftest import NOWHERE
from tests.fault_server import good
from tests.speech import SPEECHES
from xiantong_nb import api
from xiantong_nb.base_url import spoken
from xiantong_nb.connection import Connection
from xiantong_nb.errors import UsageError
from xiantong_nb.inlined import MOST_TEXT, cell, inlined
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.request import Document, Text
from xiantong_nb.session import Session

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


@pytest.fixture
def session():
    made = Session(environment={}, folder=NOWHERE)
    yield made
    made.close()


def test_a_text_goes_along_with_its_name(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("# Notes\n\n{name} stays as it is. é\n", encoding="utf-8")
    block, told = inlined(path)
    assert block == Text('<file name="notes.md">\n# Notes\n\n{name} stays as it is. é\n\n</file>')
    assert told == "notes.md (35 bytes)"
    assert inlined(str(path)) == (block, told)


@pytest.mark.parametrize(
    ("data", "text", "told"),
    [
        ("é".encode("utf-8-sig"), "é", "5 bytes"),
        ("é".encode("utf-16"), "é", "4 bytes, read as UTF-16"),
        ("Müller;5 €".encode("cp1252"), "Müller;5 €", "10 bytes, read as Windows-1252"),
        (b"", "", "0 bytes"),
        (b"a\x0cb\x1b[1m", "a\x0cb\x1b[1m", "7 bytes"),
    ],
)
def test_text_of_other_codings(tmp_path, data, text, told):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    assert inlined(path) == (Text(f'<file name="a.csv">\n{text}\n</file>'), f"a.csv ({told})")


def test_a_long_text_is_cut_and_says_so(tmp_path):
    path = tmp_path / "long.log"
    path.write_text("x" * (MOST_TEXT + 5))
    block, told = inlined(path)
    assert block.text.endswith("\n[… cut: the first 200,000 of 200,005 characters]\n</file>")
    assert told == "long.log (200.0 kB, cut to 200,000 characters)"


def test_a_notebook_goes_along_as_its_cells(tmp_path):
    book = {
        "nbformat": 4,
        "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "text"]},
            {
                "cell_type": "code", "execution_count": 3, "source": "1/0",
                "outputs": [
                    {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
                    {"output_type": "execute_result", "data": {"text/plain": ["4", "2"], "text/html": "<b>42</b>"}},
                    {"output_type": "display_data", "data": {"image/png": "AAAA"}},
                    {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "no", "traceback": ["long"]},
                ],
            },
            {"cell_type": "code", "execution_count": None, "source": "x", "outputs": []},
        ],
    }  # fmt: skip
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(book))
    block, _ = inlined(path)
    assert block.text == (
        '<file name="a.ipynb">\n# Title\ntext\n\n<cell number="3">\n1/0\n</cell>\n<output>\none\ntwo\n\n42\n'
        'ZeroDivisionError: no\n</output>\n\n<cell number="">\nx\n</cell>\n</file>'
    )


def test_a_cell_without_colours_and_with_a_cut():
    assert cell(1, "x", "\x1b[31mred\x1b[0m\n") == '<cell number="1">\nx\n</cell>\n<output>\nred\n</output>'
    assert "cut: the first 4,000 of 9,000 characters" in cell(1, "x", "y" * 9000)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.bin", b"\x00\x01\x02", "a.bin is not text: it holds the byte 0x00"),
        ("a.parquet", b"PAR1\x15\x04", "is not text"),
        ("a.png", b"\x89PNG\r\n", "is an image"),
        ("a.ipynb", b"no notebook", "is no notebook that can be read"),
        ("a.ipynb", b'{"cells": 5}', "is no notebook that can be read"),
        ("a.ipynb", b'{"cells": [5]}', "is no notebook that can be read"),
        (".env", b"OPENROUTER_API_KEY=sk-or-v1-" + b"0123456789abcdef" * 3, "holds what looks like a key"),
    ],
)
def test_what_does_not_go_along_says_why(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=says) as caught:
        inlined(tmp_path / name)
    assert caught.value.hint
    assert "0123456789" not in str(caught.value)


def test_what_is_no_file_is_refused_without_a_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, says in (("nothing", "No such file"), ("", "is a folder"), ("pipe", "no ordinary file"), ("\0", "read")):
        with pytest.raises(UsageError, match=says):
            inlined(f"{tmp_path}/{name}")


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        inlined(tmp_path / "large")
    with (tmp_path / "large.pdf").open("wb") as file:
        file.write(PDF)
        file.truncate(21 * 1024 * 1024)
    with pytest.raises(UsageError, match="too large for a PDF"):
        inlined(tmp_path / "large.pdf")


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda s: s.wire)
def test_files_and_images_go_before_the_question(session, faults, tmp_path, speech):
    from xiantong_nb.request import Image

    (tmp_path / "a.pdf").write_bytes(PDF)
    (tmp_path / "b.txt").write_text("text")
    files = tuple(inlined(tmp_path / name)[0] for name in ("b.txt", "a.pdf"))
    assert isinstance(files[1], Document)
    base_url = spoken(faults.url, "anthropic-messages", speech.wire)
    session.here["gw"] = Connection("gw", PRESETS["openrouter"], base_url, "a/m", wire=speech.wire, all_images=True)
    faults.play(speech.good("seen"))
    with session.open("And?", "gw", Options(files=files, images=(Image("image/png", "AAAA"),))) as stream:
        stream.result()
    parts = faults.seen[0].json["messages"][0]["content"]
    assert [part["type"] for part in parts] == [
        "document" if speech.wire == "anthropic-messages" else "file",
        "image" if speech.wire == "anthropic-messages" else "image_url",
        "text",
        "text",
    ]
    data = base64.b64encode(PDF).decode()
    if speech.wire == "anthropic-messages":
        source = {"type": "base64", "media_type": "application/pdf", "data": data}
        assert parts[0] == {"type": "document", "title": "a.pdf", "source": source}
    else:
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}
        assert parts[0] == {"type": "file", "file": file}
    assert [part["text"] for part in parts[2:]] == ['<file name="b.txt">\ntext\n</file>', "And?"]


def test_text_alone_goes_as_text_where_parts_may_not_be_known(session, faults, tmp_path):
    (tmp_path / "b.txt").write_text("text")
    chat = SPEECHES[1]
    session.here["gw"] = Connection("gw", PRESETS["custom"], f"{faults.url}/v1", "m", wire=chat.wire)
    faults.play(chat.good("seen"))
    with session.open("And?", "gw", Options(files=(inlined(tmp_path / "b.txt")[0],))) as stream:
        stream.result()
    content = faults.seen[0].json["messages"][0]["content"]
    assert content == '<file name="b.txt">\ntext\n</file>\n\nAnd?'


@pytest.mark.parametrize("preset", ["ollama", "custom", "demo"])
def test_a_pdf_is_refused_where_it_would_be_dropped(session, tmp_path, preset):
    (tmp_path / "a.pdf").write_bytes(PDF)
    session.here["gw"] = Connection("gw", PRESETS[preset], "http://127.0.0.1:1", "toy-1")
    says = r"a\.pdf can't be read by gw: it takes no documents by anthropic-messages"
    files = (inlined(tmp_path / "a.pdf")[0],)
    with session.open("And?", "gw:toy-1", Options(files=files)) as stream, pytest.raises(UsageError, match=says):
        stream.result()


def test_a_file_that_holds_a_stored_key_is_refused(faults, tmp_path):
    (tmp_path / "notes.txt").write_text("the key is CANARY-0123456789-wxyz")
    session = Session(
        environment={"ANTHROPIC_API_KEY": "CANARY-0123456789-wxyz", "ANTHROPIC_BASE_URL": faults.url}, folder=NOWHERE
    )
    with pytest.raises(UsageError, match="holds the key of anthropic"):
        session.open("And?", "anthropic:m", Options(files=(inlined(tmp_path / "notes.txt")[0],)))
    assert faults.seen == []


def test_from_python_files_are_paths(faults, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", faults.url)
    monkeypatch.setenv("ANTHROPIC_MODEL", "m")
    faults.play(good("seen"))
    reply = api.ask("And?", file=[tmp_path / "a.txt", str(tmp_path / "b.txt")])
    assert reply.notes[-1] == "with a.txt (3 bytes), b.txt (3 bytes)"
    assert [part["text"][-11:] for part in faults.seen[0].json["messages"][0]["content"]] == [
        "one\n</file>",
        "two\n</file>",
        "And?",
    ]
    assert "c.txt" not in api.ask("And?", file=tmp_path / "a.txt").notes[-1]
