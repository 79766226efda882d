"""Base URLs: one form, and whose machine they are on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xiantong_nb.base_url import is_clear_text, is_loopback, normalised, origin, spoken, wire_of, without_version
from xiantong_nb.errors import UsageError

KEY = "sk-CANARY-0123456789-wxyz"


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("http://localhost:11434", "http://localhost:11434"),
        ("http://localhost:11434/", "http://localhost:11434"),
        ("http://h/v1", "http://h"),
        ("http://h/v1/", "http://h"),
        ("http://h/v1/messages", "http://h"),
        ("http://h/v1/messages/", "http://h"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api"),
        ("https://openrouter.ai/api", "https://openrouter.ai/api"),
        ("  https://H.Example/Path//  ", "https://h.example/Path"),
        ("HTTPS://api.anthropic.com:443", "https://api.anthropic.com"),
        ("http://h:80/x", "http://h/x"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://gateway.example/v1beta", "https://gateway.example/v1beta"),
        ("localhost:11434", "http://localhost:11434"),
        ("127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("localhost", "http://localhost"),
    ],
)
def test_a_base_url_has_one_form(given, normal):
    assert normalised(given, name="X") == normal
    assert normalised(normal, name="X") == normal


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://h", "https://h/v1"),
        ("https://h/", "https://h/v1"),
        ("https://h/v1/", "https://h/v1"),
        ("https://h/v1/chat/completions", "https://h/v1"),
        ("https://h/v1/messages", "https://h/v1"),
        ("https://h/openai/v1", "https://h/openai/v1"),
        ("https://h/v1beta/openai", "https://h/v1beta/openai"),
        ("https://h/v1beta/openai/chat/completions/", "https://h/v1beta/openai"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("localhost:11434", "http://localhost:11434/v1"),
    ],
)
def test_a_base_url_of_chat_completions_has_its_version(given, normal):
    assert normalised(given, name="X", wire="openai-completions") == normal
    assert normalised(normal, name="X", wire="openai-completions") == normal
    common = without_version(normal)
    assert spoken(common, "anthropic-messages", "openai-completions") == f"{common}/v1"
    assert spoken(f"{common}/v1", "openai-completions", "anthropic-messages") == common


@pytest.mark.parametrize(
    ("url", "wire"),
    [
        ("https://h/v1/chat/completions", "openai-completions"),
        (" https://h/v1/chat/completions/ ", "openai-completions"),
        ("https://h/v1/messages", "anthropic-messages"),
        ("https://h/v1", None),
        ("custom", None),
    ],
)
def test_a_path_names_its_wire(url, wire):
    assert wire_of(url) == wire


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://h", "http://", "http:///v1", "file:///etc/passwd", "javascript:x", "http://h:99999",
        "http://h:0", "http://h:x", "http://[::1", f"https://{KEY}@h/", f"https://u:{KEY}@h/", f"https://h/?key={KEY}",
        "gpu-box:11434", "gateway.example",
        f"https://h/#{KEY}", "https://@h/", "http://127.0.0.1\\@evil.example/", "http://h\nost/", "http://h\x00/",
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_without_being_repeated(url):
    with pytest.raises(UsageError) as caught:
        normalised(url, name="ANTHROPIC_BASE_URL")
    assert "ANTHROPIC_BASE_URL" in str(caught.value)
    assert "CANARY" not in str(caught.value)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_urls(text):
    try:
        normal = normalised("http://" + text, name="X")
    except UsageError:
        return
    assert normalised(normal, name="X") == normal
    is_loopback(normal)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_this_machine_is_known_by_name_and_address(host):
    assert is_loopback(f"http://{host}:8080/x")


@pytest.mark.parametrize(
    "host",
    ["192.168.1.5", "localhost.evil.example", "127.0.0.1.evil.example", "mylocalhost", "127.1", "[::2]"],
)
def test_other_machines_are_not_taken_for_this_one(host):
    assert not is_loopback(f"http://{host}:8080/x")


def test_the_origin_is_what_a_key_belongs_to():
    assert origin("https://H.example:443/api/v1") == "https://h.example"
    assert origin("http://[::1]:8080/x") == "http://[::1]:8080"
    assert origin("http://0.0.0.0:4000/x") == "http://127.0.0.1:4000"
    assert len({origin(u) for u in ("http://h", "https://h", "http://h:81", "http://g", "http://h/x")}) == 4


def test_only_http_to_another_machine_is_clear_text():
    assert is_clear_text("http://192.168.1.5:8080")
    assert not is_clear_text("https://192.168.1.5:8080")
    assert not is_clear_text("http://localhost:8080")
