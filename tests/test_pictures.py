"""Images with a question: read from what a notebook has, refused where a model takes none, sent on both wires."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image as Pillow

from tests.conftest import NOWHERE
from tests.fault_server import failure, good, head
from tests.speech import Chat
from xiantong_nb.connection import Connection
from xiantong_nb.errors import RequestRefused, UsageError
from xiantong_nb.options import Options
from xiantong_nb.pictures import MOST_BYTES, _header, picture
from xiantong_nb.presets import PRESETS
from xiantong_nb.request import Image
from xiantong_nb.session import Session


def encoded(kind="PNG", size=(7, 5), mode="RGB"):
    file = io.BytesIO()
    Pillow.new(mode, size, 1).save(file, kind)
    return file.getvalue()


IMAGE = picture(encoded())


@pytest.fixture
def session():
    made = Session(environment={}, folder=NOWHERE)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"), ("WEBP", "image/webp")]
)
def test_each_kind_is_known_by_its_first_bytes(kind, media_type):
    data = encoded(kind, (123, 45))
    assert _header(data) == (media_type, (123, 45))
    assert picture(data) == Image(media_type, base64.b64encode(data).decode())


def test_what_a_notebook_has_of_an_image(tmp_path):
    data = encoded()
    path = tmp_path / "a.png"
    path.write_bytes(data)
    same = picture(data)
    assert picture(str(path)) == picture(path) == same
    assert picture(same) is same
    assert picture("https://example.org/a.png") == Image(url="https://example.org/a.png")
    assert picture(Pillow.open(path)).media_type == "image/png"

    class Figure:
        def savefig(self, file, **_):
            file.write(data)

    assert picture(Figure()) == same


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "F"])
def test_a_pillow_image_in_a_mode_that_no_png_has_is_converted(mode):
    made = picture(Pillow.new(mode, (7, 5), 1))
    assert _header(base64.b64decode(made.data)) == ("image/png", (7, 5))


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_other_kinds_are_converted(kind):
    made = picture(encoded(kind))
    assert made.media_type == "image/jpeg"
    assert Pillow.open(io.BytesIO(base64.b64decode(made.data))).size == (7, 5)


def test_what_is_too_large_is_made_to_fit():
    made = picture(encoded(size=(9000, 10)))
    assert max(_header(base64.b64decode(made.data))[1]) <= 8000
    assert len(base64.b64decode(made.data)) <= MOST_BYTES
    clear = picture(encoded(size=(9000, 10), mode="RGBA"))
    assert clear.media_type == "image/png"


def test_of_many_each_is_made_smaller(session, faults):
    large, url = picture(encoded(size=(3000, 10))), Image(url="https://example.org/a.png")
    assert large.media_type == "image/png", "alone it is sent as it is"
    session.here["gw"] = Connection("gw", PRESETS["anthropic"], faults.url, "m", images={"m": True})
    faults.play(good("dots"))
    for count in (20, 21):
        images = (large, IMAGE, url, *[IMAGE] * (count - 3))
        with session.open("what are these?", "gw:m", Options(alone=True, images=images)) as stream:
            stream.result()
        first, second, third, *_ = faults.seen[-1].json["messages"][0]["content"]
        size = _header(base64.b64decode(first["source"]["data"]))[1]
        assert size[0] == (3000 if count == 20 else 2000)
        assert second["source"]["data"] == IMAGE.data
        assert third["source"] == {"type": "url", "url": "https://example.org/a.png"}


@pytest.mark.parametrize(
    ("value", "says"),
    [(b"text", "no image that can be read"), (5, "no image: int"), ("/no/such", "can't be read"), (b"", "no image")],
)  # fmt: skip
def test_what_is_no_image_is_said(value, says):
    with pytest.raises(UsageError, match=says) as caught:
        picture(value, name="--image x")
    assert "--image x" in caught.value.message


def asked(session, faults, *, images=(IMAGE,), preset="custom", slug="gw", **more):
    session.here[slug] = Connection(slug, PRESETS[preset], faults.url, "m", **more)
    with session.open("what is it?", f"{slug}:m", Options(alone=True, images=images)) as stream:
        return stream.result()


def test_images_go_out_by_messages(session, faults):
    faults.play(good("a dot"))
    asked(session, faults, all_images=True)
    source = {"type": "base64", "media_type": "image/png", "data": IMAGE.data}
    assert faults.seen[0].json["messages"][0]["content"] == [
        {"type": "image", "source": source},
        {"type": "text", "text": "what is it?"},
    ]


def test_images_go_out_by_chat_completions(session, faults):
    faults.play(Chat().good("a dot"))
    session.here["gw"] = Connection(
        "gw", PRESETS["custom"], f"{faults.url}/v1", "m", wire="openai-completions", images={"m": True}
    )
    with session.open("what is it?", "gw:m", Options(alone=True, images=(IMAGE,))) as stream:
        stream.result()
    assert faults.seen[0].json["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE.data}"}},
        {"type": "text", "text": "what is it?"},
    ]


def test_an_endpoint_of_ones_own_takes_none_until_it_is_said(session, faults):
    with pytest.raises(UsageError, match="takes no images") as caught:
        asked(session, faults)
    assert caught.value.hint == f"If it does: %xiantong connect {faults.url} --model m --images, or --images all."
    with pytest.raises(UsageError, match="takes no images") as caught:
        asked(session, faults, saved=True)
    assert caught.value.hint == "If it does: %xiantong edit gw --model m --images, or --images all."
    assert faults.seen == []
    with pytest.raises(UsageError, match=r"customEndpoint\.supportsImages"):
        asked(session, faults, all_images=False)


def test_of_a_known_provider_its_list_decides(session, faults):
    listed = {"data": [{"id": "m", "capabilities": {"image_input": {"supported": False}}}]}
    faults.play(failure(200, listed))
    with pytest.raises(UsageError, match="what gw lists"):
        asked(session, faults, preset="anthropic")
    assert faults.seen[0].head.startswith("GET /v1/models")
    with pytest.raises(UsageError, match="what gw lists"):
        asked(session, faults, preset="anthropic")
    assert len(faults.seen) == 1, "it is asked once"
    faults.play(failure(404, b"no list"), good("a dot"), good("a dot"))
    for _ in range(2):
        assert asked(session, faults, preset="anthropic", slug="other").text == "a dot", "then the endpoint decides"
    assert [seen.head.split()[0] for seen in faults.seen] == ["GET", "GET", "POST", "POST"]


def test_toys_take_none(session):
    stream = session.open("what is it?", "demo", Options(alone=True, images=(IMAGE,)))
    with stream, pytest.raises(UsageError, match="demo:toy-1 takes no images: the toys read text alone") as caught:
        stream.result()
    assert caught.value.hint == ""


def test_a_server_that_was_said_to_see_and_does_not_is_asked_once():
    """llama.cpp without a projector says so with a 500."""
    from xiantong_nb.engine import Engine

    session = Session(environment={}, folder=NOWHERE)
    with Engine.start() as engine:
        session.here["gw"] = Connection("gw", PRESETS["custom"], engine.base_url, "toy-1", all_images=True)
        with (
            pytest.raises(RequestRefused, match="image input is not supported") as caught,
            session.open("what is it?", "gw", Options(alone=True, images=(IMAGE,))) as stream,
        ):
            stream.result()
    session.close()
    assert caught.value.hint.startswith("Leave out --image")


def test_an_image_by_its_url_is_fetched_where_the_endpoint_does_not(session, faults):
    data = encoded()
    faults.play([head(kind="image/png", length=len(data)) + data], good("a dot"))
    reply = asked(session, faults, images=(Image(url=f"{faults.url}/a.png"),), all_images=True)
    assert reply.notes == (f"fetched {faults.url}/a.png",)
    assert "authorization" not in faults.seen[0].head.lower()
    assert faults.seen[1].json["messages"][0]["content"][0]["source"]["data"] == base64.b64encode(data).decode()
