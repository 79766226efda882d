"""Chats: what goes along with the next question."""

from __future__ import annotations

import pytest

from xiantong_nb.chats import Chat, Origin, Turn, counted
from xiantong_nb.request import Document, Image, Message, Opaque, Redacted, Text, Thinking, ToolUse


def turn(words: str, cell: str = "", run: int = 0, target: str = "a:m", *more) -> Turn:
    answer = Message("assistant", (*more, Text(words.upper())))
    return Turn(Origin(cell, run), target, Message("user", (Text(words),)), answer)


def chat(*turns: Turn) -> Chat:
    made = Chat()
    for one in turns:
        made.add(one)
    return made


def said(made: Chat) -> list[str]:
    return [t.question.blocks[0].text for t in made.turns]


def test_questions_and_answers_alternate():
    messages = chat(turn("one"), turn("two")).messages("a:m")
    assert [(m.role, m.blocks[0].text) for m in messages] == [
        ("user", "one"), ("assistant", "ONE"), ("user", "two"), ("assistant", "TWO"),
    ]  # fmt: skip


def test_running_a_cell_again_drops_its_turn_and_all_later_ones():
    made = chat(turn("one", "c1", 1), turn("two", "c2", 2), turn("three", "c3", 3))
    assert said(made.before(Origin("c2", 4))) == ["one"]
    assert said(made) == ["one", "two", "three"], "for good only when a whole answer takes their place"


def test_a_first_run_and_the_same_run_drop_nothing():
    made = chat(turn("one", "c1", 1))
    assert said(made.before(Origin("c1", 1))) == ["one"]
    assert said(made.before(Origin("c2", 2))) == ["one"]


def test_several_questions_of_one_run_go_together():
    made = chat(turn("zero", "c0", 1), turn("a", "c1", 2), turn("b", "c1", 2), turn("c", "c2", 3))
    assert said(made.before(Origin("c1", 4))) == ["zero"]


def test_without_a_cells_id_every_question_is_added():
    made = chat(turn("one"), turn("one"))
    assert said(made.before(Origin("", 7))) == ["one", "one"]


def test_reasoning_goes_back_to_the_model_that_signed_it_alone():
    blocks = (Thinking("t", "sig"), Redacted("d"), Thinking("unsigned"), ToolUse("i", "f", "{}"), Opaque("k", "{}"))
    made = chat(turn("q", "", 0, "a:m", *blocks))
    assert made.messages("a:m")[1].blocks == (Thinking("t", "sig"), Redacted("d"), Text("Q"))
    assert made.messages("a:other")[1].blocks == (Text("Q"),)


FIGURE, PAPER, SAID = Image("image/png", "AA=="), Document("p.pdf", "application/pdf", "AA=="), Text("Why?")


@pytest.mark.parametrize(
    ("asked", "elsewhere"),
    [
        ((PAPER, FIGURE, SAID), (SAID,)),
        ((FIGURE,), (Text("(an image)"),)),
        ((PAPER, FIGURE, Text(" \n")), (Text("(a document, an image)"),)),
    ],
    ids=["a paper", "a figure alone", "white space"],
)
def test_what_another_model_may_not_take_stays_behind_and_a_question_is_never_empty(asked, elsewhere):
    made = chat(Turn(Origin(), "a:m", Message("user", asked), Message("assistant", (Text("yes"),))))
    assert made.messages("a:m")[0].blocks == asked
    assert made.messages("b:m")[0].blocks == elsewhere


def test_an_answer_without_text_is_not_kept():
    made = chat()
    made.add(Turn(Origin(), "a:m", Message("user", (Text("q"),)), Message("assistant", (Thinking("t", "s"), Text("")))))
    assert made.turns == []


def test_the_size_of_a_chat_is_about_a_quarter_of_its_letters():
    assert chat(turn("x" * 400)).about_tokens() == 200


def test_one_turn_is_no_turns():
    assert [counted(n) for n in (1, 2, 1000)] == ["1 turn", "2 turns", "1,000 turns"]
