"""What goes along with a question, in a real kernel: cells, files, figures, schemas, stored replies, rehearsals."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image as Pillow

from tests.conftest import kernel_env
from tests.fault_server import BLOCK, BLOCK_END, CLOSE, END, START, FaultServer, failure, good, head, sse, text
from tests.kernels import Kernel


@pytest.fixture
def wire(tmp_path):
    """A fresh kernel that asks a server which remembers what it was asked."""
    server = FaultServer()
    server.play(good("yes"))
    made = Kernel({**kernel_env(tmp_path), "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_MODEL": "m"})
    assert made.run("%load_ext xiantong_nb").status == "ok"
    yield made, server
    made.stop()
    server.close()


def sent(server) -> list[str]:
    """The texts of the last question, in order."""
    content = server.seen[-1].json["messages"][-1]["content"]
    return [content] if isinstance(content, str) else [part.get("text", part["type"]) for part in content]


def test_the_last_cells_go_along_with_what_they_put_out(wire):
    kernel, server = wire
    kernel.run("print('one'); print('two')\n40 + 2")
    kernel.run("%ask --alone in between")
    kernel.run("%xiantong version")
    kernel.run("def f():\n    raise ValueError('the reason')\n\nf()")
    ran = kernel.run("%%ask --alone --cells 2\nWhat is wrong?")
    first, question = sent(server)
    assert question == "What is wrong?\n"
    assert first == (
        "<cell number=\"2\">\nprint('one'); print('two')\n40 + 2\n</cell>\n<output>\none\ntwo\n42\n</output>\n\n"
        "<cell number=\"5\">\ndef f():\n    raise ValueError('the reason')\n\nf()\n</cell>\n"
        "<output>\nValueError: the reason\n</output>"
    )
    assert ran.text.splitlines()[-1].endswith(" · with 2 cells (2 to 5)")
    kernel.run("%ask --alone --cells 1 and now?")
    assert sent(server)[0].startswith('<cell number="5">')
    kernel.run("%ask --alone --cells 99 and all?")
    assert sent(server)[0].count("<cell number=") == 3
    assert "from 1" in kernel.run("%ask --alone --cells 0 none?").error["traceback"][0]


def test_where_no_cell_ran_nothing_goes_along(tmp_path):
    server = FaultServer()
    server.play(good("yes"))
    kernel = Kernel({**kernel_env(tmp_path), "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_MODEL": "m"})
    kernel.wait(kernel.send("%load_ext xiantong_nb", silent=True))
    ran = kernel.run("%%ask --alone --cells 3\nhi")
    kernel.stop()
    server.close()
    assert sent(server) == ["hi\n"]
    assert "no cell ran before" in ran.text


def test_cells_with_a_key_are_not_sent(wire):
    kernel, server = wire
    kernel.run("key = 'sk-or-v1-' + '0123456789abcdef' * 3")
    kernel.run("print(key)")
    ran = kernel.run("%%ask --alone --cells 1\nhi")
    assert "The last cells hold what looks like a key, so nothing was sent" in ran.error["traceback"][0]
    assert "0123456789" not in ran.text
    assert server.seen == []


def test_files_go_along_by_their_paths(wire, tmp_path):
    kernel, server = wire
    (tmp_path / "a b.txt").write_text("one")
    (tmp_path / "c.md").write_text("two")
    kernel.run(f"%cd -q {tmp_path}")
    ran = kernel.run("%%ask --alone --file 'a b.txt' --file c.md\nhi")
    assert sent(server) == ['<file name="a b.txt">\none\n</file>', '<file name="c.md">\ntwo\n</file>', "hi\n"]
    assert "with a b.txt (3 bytes), c.md (3 bytes)" in ran.text
    ran = kernel.run("%%ask --file d.md\nhi")
    assert ran.error["traceback"][0].startswith("UsageError: d.md can't be read: No such file")
    assert len(server.seen) == 1


def test_figures_and_images_stand_where_they_were_named(wire):
    kernel, server = wire
    server.play(failure(404, b"no list"), good("a line and a dot"))
    kernel.run("import matplotlib; matplotlib.use('agg')\nfrom matplotlib.figure import Figure\nfrom PIL import Image")
    kernel.run("fig = Figure(); fig.add_subplot().plot([1, 2]); dot = Image.new('RGB', (7, 5))")
    ran = kernel.run("%%ask --alone\nIs {fig} like {dot}?")
    parts = server.seen[-1].json["messages"][0]["content"]
    assert [part.get("text", part["type"]) for part in parts] == ["Is ", "image", " like ", "image", "?\n"]
    sizes = [Pillow.open(io.BytesIO(base64.b64decode(part["source"]["data"]))).size for part in parts[1::2]]
    assert sizes[1] == (7, 5)
    assert min(sizes[0]) > 100
    assert "with fig (image), dot (image)" in ran.text


def test_tables_go_in_as_text(wire):
    kernel, server = wire
    kernel.run("import pandas as pd, polars as pl\nimport numpy as np")
    kernel.run("df = pd.DataFrame({'a': range(1000)}); pf = pl.DataFrame({'b': ['x']}); arr = np.eye(2)")
    ran = kernel.run("%%ask --alone\n{df}\n{pf}\n{arr}\n{df.shape} {df['a']}")
    (said,) = sent(server)
    assert said.startswith(
        "[DataFrame, 1,000 x 1, cut: the first 20 and the last 10 rows]\n[columns: a (int64)]\na\n0\n"
    )
    assert "\n[DataFrame, 1 x 1]\n[columns: b (String)]\nb\nx\n[array, 2 x 2, float64]\n" in said
    assert "\n(1000, 1) \n[Series, 1,000 x 1, cut" in said
    assert "with df (DataFrame, 1,000 x 1, cut), pf (DataFrame, 1 x 1), arr (array 2 x 2, float64)" in ran.text


def test_a_schema_makes_data_of_the_answer(wire):
    kernel, server = wire
    server.play(good('{"tea": "green"}'))
    kernel.run("from pydantic import BaseModel\nclass Order(BaseModel):\n    tea: str")
    kernel.run("%%ask --alone --schema Order --to order\nWhich tea?")
    assert kernel.value("(order.data == Order(tea='green'), type(order.data) is Order, _.data is order.data)") == (
        True, True, True,
    )  # fmt: skip
    assert server.seen[-1].json["output_config"]["format"]["schema"]["required"] == ["tea"]
    kernel.run("%%ask --alone --schema \"{'type': 'object'}\"\nWhich tea?")
    assert kernel.value("_.data") == {"tea": "green"}
    for line, says in (("Nothing", "is no value here (NameError)"), ("{'type':'object'}", "a name that is no text")):
        ran = kernel.run(f"%%ask --alone --schema {line}\nhi")
        assert says in ran.error["traceback"][0]
    assert len(server.seen) == 2


def test_an_answer_that_never_fits_stays_and_stops_run_all(wire):
    kernel, server = wire
    server.play(good("green"), [head() + sse(START, BLOCK), 1.0, sse(text("black"), BLOCK_END, *END), CLOSE])
    ran = kernel.run("%%ask --alone --schema dict --to order\nWhich tea?")
    shown, error = ran.outputs
    assert shown["data"]["text/plain"].startswith("black\n\n[this does not fit the schema: it is not JSON]\n\n")
    assert shown["data"]["text/plain"].endswith("the first answer did not fit (it is not JSON): asked once more")
    assert error["ename"] == "UnfitReply"
    assert len(error["traceback"]) == 1
    assert kernel.value("(order.text, order.data, order.complete)") == ("black", None, True)
    assert any("asked once more" in paint.get("text/markdown", "") for paint in ran.paints()[:-1]), "it was said live"


def test_stored_replies_are_shown_again_listed_and_cleared(wire):
    kernel, server = wire
    assert "No reply is stored" in kernel.run("%xiantong replies").text
    first = kernel.run("%%ask --alone --reuse\nhi")
    again = kernel.run("%%ask --alone --reuse\nhi")
    assert len(server.seen) == 1
    assert "reused" not in first.text
    assert "nothing was sent" in again.text
    assert again.only_output["data"]["text/markdown"].partition("\n\n<sub>")[0] == "yes"
    listed = kernel.run("%xiantong replies").text
    assert "anthropic:m  hi" in listed
    assert "1 in all" in listed
    assert "Removed: 1" in kernel.run("%xiantong replies --clear").text
    kernel.run("%%ask --alone --reuse\nhi")
    assert len(server.seen) == 2
    kernel.run("import xiantong_nb; r = xiantong_nb.ask('hi\\n', reuse=True)")
    assert kernel.value("(r.text, r.reused is not None)") == ("yes", True), "Python finds what a cell has stored"
    assert len(server.seen) == 2


def test_a_dry_run_shows_what_would_be_sent(wire):
    kernel, server = wire
    server.play(failure(200, {"input_tokens": 12}))
    kernel.run("name = 'Ada'")
    ran = kernel.run("%%ask --dry-run --to plan --effort high\nWho is {name}?")
    output = ran.only_output
    assert output["type"] == "execute_result"
    assert "Who is Ada?" in output["data"]["text/markdown"]
    assert "12 tokens (counted by anthropic)" in output["data"]["text/plain"]
    assert [seen.head.split()[1] for seen in server.seen] == ["/v1/messages/count_tokens"]
    assert kernel.value("(plan.tokens, plan.body['output_config'], plan.messages)") == (
        12, {"effort": "high"}, (("user", "Who is Ada?\n"),),
    )  # fmt: skip
    assert kernel.value("__import__('xiantong_nb').last()") is None


def test_what_goes_along_goes_to_every_lane(wire, tmp_path):
    kernel, server = wire
    server.play(good('{"tea": "green"}'))
    (tmp_path / "a.txt").write_text("one")
    kernel.run(f"%cd -q {tmp_path}\nname, form = 'Ada', {{'type': 'object', 'required': ['tea']}}")
    line = "%%ask m n --alone --file a.txt --schema form --effort low --reuse"
    ran = kernel.run(f"{line}\nWhat would {{name}} drink?")
    assert ran.status == "ok", ran.text
    assert {seen.json["model"] for seen in server.seen} == {"m", "n"}
    for seen in server.seen:
        assert [part["text"] for part in seen.json["messages"][0]["content"]] == [
            '<file name="a.txt">\none\n</file>',
            "What would Ada drink?\n",
        ]
        assert seen.json["output_config"]["effort"] == "low"
        assert seen.json["output_config"]["format"]["schema"]["required"] == ["tea"]
    assert kernel.value("[reply.data for reply in _]") == [{"tea": "green"}] * 2
    assert "with a.txt (3 bytes)" in ran.text
    assert "with name" in ran.text
    kernel.run(f"{line}\nWhat would {{name}} drink?")
    assert kernel.value("[reply.reused is not None for reply in _]") == [True, True]
    assert len(server.seen) == 2
    assert "nothing was sent" in kernel.run("_").text


def test_a_lane_whose_answer_does_not_fit_says_so_in_its_place(wire):
    kernel, server = wire
    server.play(good("green"))
    ran = kernel.run("%%ask m n --alone --schema dict --to two\nWhich tea?")
    assert ran.status == "ok", "answers came, and are whole"
    assert kernel.value("[(reply.data, reply.unfit) for reply in two]") == [(None, "it is not JSON")] * 2
    assert kernel.value("sorted(type(error).__name__ for error in two.errors.values())") == ["UnfitReply"] * 2
    assert ran.text.count("this does not fit the schema: it is not JSON") == 2
    assert len(server.seen) == 4


def test_a_dry_run_of_several_targets_shows_each(wire):
    kernel, server = wire
    server.play(failure(200, {"input_tokens": 12}))
    ran = kernel.run("%%ask m n --dry-run --to plans\nhi")
    assert ran.only_output["type"] == "execute_result"
    assert kernel.value("[(plan.target, plan.tokens) for plan in plans]") == [("anthropic:m", 12), ("anthropic:n", 12)]
    assert ran.text.count("Not sent: ") == 2
    assert [seen.head.split()[1] for seen in server.seen] == ["/v1/messages/count_tokens"] * 2
