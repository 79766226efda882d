"""An answer grows on the page while it is written, and stays as Markdown."""

from __future__ import annotations

CELLS = ("%load_ext xiantong_nb", "%%ask demo:toy-1 --alone\nhello")


def test_an_answer_is_read_in_the_page(app, opened, shot):
    book = opened(app, CELLS)
    book.run_all()
    book.wait_ran(1)
    output = book.outputs(1)
    output.locator(".jp-RenderedMarkdown strong", has_text="toy-1").wait_for()
    shot(book.page, f"answer-{app.kind}-light")
    assert "tokens in" in output.inner_text()
    assert book.ask("print(_.complete)").strip() == "True"
    assert '"text/markdown"' in book.save()
