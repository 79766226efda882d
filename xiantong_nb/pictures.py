"""
Images for a question: whatever a notebook has of one, as an Image that every endpoint takes.

Limits are Anthropic's (vision guide, November 2026), the strictest of those documented: JPEG, PNG, GIF and WebP, at
most 8,000 pixels a side, 2,000 where there are more than 20, and 5 MB as base64. What is larger, or of another kind, is
made fit by Pillow, where that is installed.
"""

from __future__ import annotations

import base64
import io
import struct
from pathlib import Path
from typing import Any

from xiantong_nb.errors import UsageError
from xiantong_nb.request import Image

MOST_PIXELS = 8000
MOST_BYTES = 5 * 1024 * 1024 * 3 // 4
FEW = 20
_FIT = 2000  # pixels a side, of an image that has to be made smaller anyway, or is one of many
_LARGEST_FILE = 64 * 1024 * 1024
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's markers of a frame header
_NEEDS_PILLOW = "pip install 'xiantong-nb[images]' lets such images be converted."


def picture(value: Any, *, name: str = "the image") -> Image:
    """
    Return an image as it is sent: from bytes, a path, a URL, a Pillow image, a matplotlib figure or an array.

    Raises `UsageError`, naming `name`, for what is none, or can't be made to fit.
    """
    if isinstance(value, Image):
        return value
    if isinstance(value, str) and named(value):
        return Image(url=value)
    if isinstance(value, str | Path):
        value = _read(Path(value).expanduser(), name)
    elif hasattr(value, "savefig"):  # a matplotlib figure
        file = io.BytesIO()
        value.savefig(file, format="png", bbox_inches="tight")
        value = file.getvalue()
    elif hasattr(value, "__array_interface__") and not hasattr(value, "save"):
        value = _from_array(value, name)
    elif not isinstance(value, bytes | bytearray | memoryview):
        value = _saved(value, name)
    data = bytes(value)
    kind, size = _header(data)
    if not kind or max(size) > MOST_PIXELS or len(data) > MOST_BYTES:
        data, kind = _fitted(data, name)
    return Image(kind, base64.b64encode(data).decode())


def small(image: Image) -> Image:
    """Return one of many images, which may have no more than 2,000 pixels a side. Raises `UsageError`."""
    data = base64.b64decode(image.data)
    if image.url or max(_header(data)[1]) <= _FIT:
        return image
    data, kind = _fitted(data, "one of the images")
    return Image(kind, base64.b64encode(data).decode())


def named(text: str) -> bool:
    """Say whether a text is the URL of an image."""
    return text.lower().startswith(("https://", "http://"))


def _read(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{name} is larger than 64 MiB.", hint="Make it smaller first.")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name} can't be read: {error.strerror or type(error).__name__}.") from None


def _saved(value: Any, name: str) -> bytes:
    """Return the PNG of anything that can show itself as one, as Pillow's images and many plots can."""
    found = _shown(value)
    if found is None and type(value).__module__.partition(".")[0] == "PIL":  # a mode that no PNG has, such as CMYK
        found = _shown(value.convert("RGB"))
    if isinstance(found, tuple):  # with metadata
        found = found[0]
    if isinstance(found, str):
        found = base64.b64decode(found)
    if not isinstance(found, bytes):
        msg = f"{name} is no image: {type(value).__name__}."
        raise UsageError(msg, hint="Give a path, a URL, bytes, a Pillow image, a figure or an array.")
    return found


def _shown(value: Any) -> Any:
    show = getattr(value, "_repr_png_", None)
    return show() if callable(show) else None


def _from_array(value: Any, name: str) -> bytes:
    """Return the PNG of an array: height x width, or height x width x 3 or 4, of bytes or of figures from 0 to 1."""
    pillow, file = _pillow(name), io.BytesIO()
    try:
        if value.dtype.kind == "f":
            value = (value.clip(0, 1) * 255).round().astype("uint8")
        elif value.dtype.kind == "b":
            value = value.astype("uint8") * 255
        pillow.fromarray(value).save(file, "PNG")
    except (TypeError, ValueError, AttributeError, KeyError):
        shape = " x ".join(map(str, getattr(value, "shape", ())))
        msg = f"{name} is no image: an array of {shape} {getattr(value, 'dtype', '')}."
        raise UsageError(msg, hint="height x width (x 3 or 4), of uint8 or of figures from 0 to 1.") from None
    return file.getvalue()


def _fitted(data: bytes, name: str) -> tuple[bytes, str]:
    """Return the image in a kind and size that is taken."""
    pillow, file = _pillow(name), io.BytesIO()
    try:
        image = pillow.open(io.BytesIO(data))
        image.thumbnail((_FIT, _FIT))
        clear = image.mode in ("RGBA", "LA", "P", "PA")
        image.convert("RGBA" if clear else "RGB").save(file, "PNG" if clear else "JPEG", quality=90)
    except Exception as error:  # noqa: BLE001  # Pillow's plug-ins raise what they like
        raise UsageError(f"{name} is no image that can be read ({type(error).__name__}).") from None
    if file.tell() > MOST_BYTES:
        raise UsageError(f"{name} is too large, even at {_FIT} pixels a side.", hint="Make it smaller first.")
    return file.getvalue(), "image/png" if clear else "image/jpeg"


def _pillow(name: str) -> Any:
    try:
        import PIL.Image
    except ImportError:
        msg = f"{name} is too large, or of a kind that no endpoint takes as it is."
        raise UsageError(msg, hint=_NEEDS_PILLOW) from None
    return PIL.Image


def _header(data: bytes) -> tuple[str, tuple[int, int]]:
    """Return media type and (width, height) by the first bytes; ("", (0, 0)) for any other kind."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return "image/png", struct.unpack(">II", data[16:24])
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return "image/gif", struct.unpack("<HH", data[6:10])
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return "image/webp", _webp(data)
        if data[:3] == b"\xff\xd8\xff":
            return "image/jpeg", _jpeg(data)
    except (struct.error, IndexError):
        pass
    return "", (0, 0)


def _webp(data: bytes) -> tuple[int, int]:
    """Read RFC 9649's three forms of the first chunk."""
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack("<HH", data[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1


def _jpeg(data: bytes) -> tuple[int, int]:
    """Walk the segments to the frame header (ITU T.81 B.2.2)."""
    at = 2
    while at < len(data) - 9:
        if data[at + 1] in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise IndexError
