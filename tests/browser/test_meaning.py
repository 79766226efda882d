"""Ordinary answers mean the same in JupyterLab's own renderer, MathJax and highlighting included."""

from __future__ import annotations

from tests.corpus import ANSWERS
from tests.meaning import REFERENCE, RENDERER, of_html
from xiantong_nb.safe import markdown

SHAPES = """async (texts) => {
  const { rendermime } = jupyterapp.shell.currentWidget.content;
  const shape = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\\s+/g, " ");
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches(".jp-InternalAnchorLink")) return "";
    if (node.localName === "mjx-container") return `<math>${node.innerHTML}</math>`;
    const told = ["href", "title", "start", "type", "checked", "align", "style"]
      .filter((name) => node.hasAttribute(name)).map((name) => ` ${name}=${node.getAttribute(name)}`).join("");
    const inside = node.localName === "pre" ? node.textContent.trimEnd() : [...node.childNodes].map(shape).join("");
    return `<${node.localName}${told}>${inside}</${node.localName}>`;
  };
  const found = [];
  for (const text of texts) {
    const model = rendermime.createModel({ data: { "text/markdown": text }, trusted: true });
    const renderer = rendermime.createRenderer("text/markdown");
    renderer.constructor.attach(renderer, document.body);
    await renderer.renderModel(model);
    found.push([renderer, text]);
  }
  await new Promise((done) => setTimeout(done, 1000));
  return found.map(([renderer]) => {
    const told = [...renderer.node.childNodes].map(shape).join("").replace(/>\\s+</g, "><").replace(/\\s+<\\//g, "</");
    renderer.dispose();
    return told;
  });
}"""


def plain(text: str) -> bool:
    """Whether a text has no HTML but in code: of other text, the reference shows the HTML and JupyterLab obeys it."""
    return of_html(RENDERER.render(text)) == of_html(REFERENCE.render(text))


def test_jupyterlab_makes_the_same_of_an_answer_before_and_after_the_filter(lab, opened):
    book = opened(lab, ["1"])
    answers = [text for text in ANSWERS if plain(text)]
    assert len(answers) >= 100
    wanted = book.page.evaluate(SHAPES, answers)
    found = book.page.evaluate(SHAPES, [markdown(text) for text in answers])
    assert sum("<math>" in shape for shape in wanted) >= 6
    assert sum("<table>" in shape for shape in wanted) >= 6
    changed = [(text, one, other) for text, one, other in zip(answers, wanted, found, strict=True) if one != other]
    assert changed == []
    assert book.page.evaluate(SHAPES, ["a **b**"]) != book.page.evaluate(SHAPES, ["a b"])
