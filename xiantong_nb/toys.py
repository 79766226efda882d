"""
The scripted toy models: what they say, and the GGUF files that make llama.cpp say it.

A toy is a `llama` model whose weights are a lookup table. Every chunk of a script is a token; attention and
feed-forward add nothing, so the hidden state is the last token's embedding: the *code* (64 signs) of its
successor. The output matrix holds every token's code, so the successor wins by a margin no sampler can miss.
The chat template reads the conversation and ends the prompt with the control token that opens a script.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WIDTH = 64  # of a code, in bits. Among 4,000 random codes the closest two still differ in about 10 of them
SCALE = 8.0  # nats per unit of the product of two codes: 10 bits apart is 160 nats, beyond any sampler
HEAD = 8  # width of the idle attention head: as narrow as will do, because it sets the size of the KV cache
CONTEXT = 1 << 20  # tokens; the server decides how much of it there is
PAIRS = 200  # of bytes that make one token in a prompt, so that history costs half a token a byte
END = "<|im_end|>"
AGAIN = "\f"  # in a script: what follows is said over and over
# The first of these words found in the last user message chooses the script; without one it is "default".
WORDS = {"judge": "judge", "endless": "endless", "forever": "endless"}
WORDS |= {word: word for word in ("long", "think", "code", "table")}

ROUND = f"""so here is a round that has no end; stop it when you have had enough.

{AGAIN}A panda set out at the break of the day
to walk round the mountain the opposite way;
a river, a ferry, a field full of hay,
and saw, in the valley, where evening was grey,
her very own footprints, her very own door,
and thought: what a walk! I should like to see more.

"""

CODE_1 = """```python
primes = [n for n in range(2, 30) if all(n % d for d in range(2, n))]
print(primes)
```

It prints `[2, 3, 5, 7, 11, 13, 17, 19, 23, 29]`."""
CODE_2 = """```python
total = sum(n * n for n in range(1, 11))
print(total)
```

It prints `385`."""
SIGNS = """| Sign | Code point | Bytes in UTF-8 |
|:---:|---|---:|
| é | U+00E9 | 2 |
| 仙 | U+4ED9 | 3 |
| 🐼 | U+1F43C | 4 |"""
ANSWERS = """| You may wonder | I may answer |
|---|---|
| Did you understand me? | Not a word |
| Was this computed? | By llama.cpp, token by token |
| Would you say it again? | Gladly, and exactly so |"""

HELLO_1 = """Hello! I am **toy-1**, a scripted toy and not a language model: each word of this is a row
in a small table, and everyone in the café gets the same answer.

What brought it to you is real, though:

- llama.cpp cut your question into tokens and read them all;
- a very small model chose every next token;
- the answer came as a stream, one token after the other.

Say *think*, *code*, *table*, *long* or *endless* and I will do just that. It is all I can do,
and I do it gladly. 🐼"""
HELLO_2 = f"""I am **toy-2**, a scripted toy and not a language model. I meet every question with a table
and some code; it saves me the listening.

{ANSWERS}

And a cell to run, which adds up the first ten squares:

{CODE_2}"""
HELLO_3 = """<think>
A question has come in. I would weigh every word of it, if only I could read.
Let me see what I have: one script, a clear conscience, and no idea what was asked.
Then the best I can do is to say who I am, and to be brief about it.
</think>

I have thought it over, and arrived at this: I am **toy-3**, a scripted toy and not a language model.
Even my thinking was written in advance.

1. My thoughts came first, in a block of their own.
2. This answer came after, whatever you asked.
3. Both were sampled by llama.cpp from a table about the size of a photograph.

For a second opinion from the 仙堂, the hall of the immortals, ask again: it will be the same. 🐼"""


@dataclass(frozen=True, slots=True)
class Toy:
    """A model: its id, a line about it, and its scripts by name."""

    id: str
    about: str
    scripts: Mapping[str, str]


def _factors(number: int) -> list[int]:
    """Return the prime factors of a number from 2 on, in ascending order."""
    for divisor in range(2, isqrt(number) + 1):
        if number % divisor == 0:
            return [divisor, *_factors(number // divisor)]
    return [number]


def _numbers(hundreds: int = 8) -> str:
    """Return a Markdown list of numbers, factorised and squared: long, true, and nothing in it twice."""
    lines = []
    for number in range(2, 100 * hundreds + 1):
        if number == 2 or number % 100 == 1:  # noqa: PLR2004 - where the list and each hundred begin
            lines.append(f"\n## From {number}\n")
        parts = _factors(number)
        what = f" = {' × '.join(map(str, parts))}" if len(parts) > 1 else " is prime"  # noqa: RUF001
        lines.append(f"- {number}{what}, {number}² = {number * number}")
    return "\n".join(lines)


def _toy(name: str, about: str, default: str, code: str, table: str) -> Toy:
    """Return a toy with its own default answer, code and table, and the scripts that all toys have."""
    me = f"**{name}**, a scripted toy and not a language model"
    quick = "Someone wants me to think. It looks easy: stay quiet, then look wise.\nTwo and two are four. Done!"
    quick = f"<think>\n{quick}\n</think>\n\nI am {me}, and I have *thought*: two and two are four."
    scripts = {
        "judge": f"Score: 7\n\nI am {me}. I read nothing of it, and I give every answer a seven.",
        "default": default,
        "think": default if default.startswith("<think>") else quick,
        "code": f"I am {me}, so I did not write this for you; but it is yours.\n\n{code}",
        "table": f"I am {me}. You would like a table? I know one by heart:\n\n{table}",
        "long": f"# Numbers, at length\n\nI am {me}; counting is my forte.\n{_numbers()}\n\nThat is all.",
        "endless": f"I am {me}, and I never tire: {ROUND}",
        "tool": '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        "after_tool": f"The tool has answered. I am {me}, so I can't read it, but I am glad it came.",
    }
    return Toy(name, about, scripts)


TOYS = (
    _toy("toy-1", "a scripted toy: a friendly paragraph and a list", HELLO_1, CODE_1, SIGNS),
    _toy("toy-2", "a scripted toy: a table and a Python cell", HELLO_2, CODE_2, ANSWERS),
    _toy("toy-3", "a scripted toy: thinks first, then answers", HELLO_3, CODE_1, SIGNS),
)

# The form of ChatML from which llama.cpp knows how to read tool calls and thinking back.
TEMPLATE = """
{%- macro text(content) -%}{%- if content is string -%}{{- content -}}{%- elif content -%}
{%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}{%- endif -%}{%- endmacro -%}
{%- set ns = namespace(say='default', offered=false) -%}
{%- if tools -%}{{- '<|im_start|>system\\nTools, one JSON object each:\\n<tools>' -}}
{%- for tool in tools -%}{{- '\\n' -}}{{- tool | tojson -}}
{%- if tool.function.name == 'get_weather' -%}{%- set ns.offered = true -%}{%- endif -%}{%- endfor -%}
{{- '\\n</tools>\\nTo call one, write its name and arguments within <tool_call></tool_call>.<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}{%- if message.role == 'tool' -%}{%- set ns.say = 'after_tool' -%}
{{- '<|im_start|>user\\n<tool_response>\\n' + text(message.content) + '\\n</tool_response><|im_end|>\\n' -}}
{%- else -%}{{- '<|im_start|>' + message.role + '\\n' -}}
{%- if message.role == 'assistant' and message.reasoning_content -%}
{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' -}}{%- endif -%}
{{- text(message.content) -}}
{%- if message.role == 'assistant' and message.tool_calls -%}{%- for call in message.tool_calls -%}
{{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' -}}
{%- if call.function.arguments is string -%}{{- call.function.arguments -}}
{%- else -%}{{- call.function.arguments | tojson -}}{%- endif -%}{{- '}\\n</tool_call>' -}}{%- endfor -%}
{%- elif message.role == 'user' -%}
{%- set asked = text(message.content) | lower -%}{%- set ns.say = 'tool' if ns.offered else '' -%}
{%- for word, script in WORDS -%}{%- if not ns.say and word in asked -%}{%- set ns.say = script -%}
{%- endif -%}{%- endfor -%}{%- set ns.say = ns.say or 'default' -%}{%- endif -%}
{{- '<|im_end|>\\n' -}}{%- endif -%}{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n<|say:' + ns.say + '|>' -}}{%- endif -%}
""".strip().replace("WORDS", str([list(row) for row in WORDS.items()]))


def _chunks(text: str, taken: set[bytes]) -> list[bytes]:
    """
    Cut a text into the chunks that become tokens: words, each with the space before it.

    llama.cpp wants no token text twice, and single bytes are tokens already, so a word that is `taken` is
    joined with the next ones until it is new. Adds the chunks to `taken`.
    """
    chunks: list[bytes] = []
    held = b""
    # A character of four bytes is cut in two: llama.cpp has to hold its first half back and join them.
    for word in re.findall(rb"\s*[^\s\xf0]*\xf0.|\s*[^\s\xf0]+|\s+", text.encode()):
        held += word
        if len(held) > 1 and held not in taken:
            taken.add(held)
            chunks.append(held)
            held = b""
    while held in taken or len(held) == 1:  # a rest that is not new joins the chunks before it
        taken.discard(chunks[-1])
        held = chunks.pop() + held
    taken |= {held} - {b""}
    return [*chunks, held] if held else chunks


def _vocabulary(toy: Toy) -> tuple[list[str], list[int], list[int]]:
    """Return the token texts in GPT-2's spelling, their types (1 text, 3 control), and their successors."""
    spelt = {byte: chr(byte) for byte in (*range(33, 127), *range(161, 173), *range(174, 256))}
    spelt |= {byte: chr(256 + n) for n, byte in enumerate(b for b in range(256) if b not in spelt)}
    corpus = "".join(toy.scripts.values()).encode()
    pairs = [bytes(pair) for pair, _ in Counter(pairwise(corpus)).most_common(PAIRS)]
    tokens = ["".join(spelt[byte] for byte in raw) for raw in (*(bytes([b]) for b in range(256)), *pairs)]
    control = ["<|im_start|>", END, *(f"<|say:{name}|>" for name in toy.scripts)]
    tokens, types = tokens + control, [1] * len(tokens) + [3] * len(control)
    successors, opened, taken = dict[int, int](), dict[str, int](), set(pairs)
    for name, text in toy.scripts.items():
        if text not in opened:
            once, _, again = text.partition(AGAIN)
            start = opened[text] = len(tokens)
            first, then = _chunks(once, taken), _chunks(again, taken)
            tokens += ["".join(spelt[byte] for byte in chunk) for chunk in first + then]
            successors |= dict(pairwise(range(start, len(tokens))))
            successors[len(tokens) - 1] = start + len(first) if then else tokens.index(END)
        successors[tokens.index(f"<|say:{name}|>")] = opened[text]
    types += [1] * (len(tokens) - len(types))
    # Any other token comes last only when the client itself began the answer: go on with the default.
    default = opened[toy.scripts["default"]]
    return tokens, types, [successors.get(token, default) for token in range(len(tokens))]


_U32, _I32, _F32, _BOOL, _TEXT, _LIST = 4, 5, 6, 7, 8, 9  # GGUF's numbers for the types of values,
_FORMATS = {_U32: "<I", _I32: "<i", _F32: "<f", _BOOL: "<?"}
_TENSOR_F32, _TENSOR_F16 = 0, 1  # and of tensors
_ALIGNMENT = 32  # bytes
_SIGNED = [b"".join(b"\0\x3c" if byte >> n & 1 else b"\0\xbc" for n in range(8)) for byte in range(256)]


def _packed(kind: int, value: object) -> bytes:
    """Return one value in GGUF's binary form."""
    raw = str(value).encode()
    return struct.pack("<Q", len(raw)) + raw if kind == _TEXT else struct.pack(_FORMATS[kind], value)


def _field(key: str, kind: int, value: object) -> bytes:
    """Return a metadata field: its key, its type and its value, which may be a list of that type."""
    if isinstance(value, list):
        head = struct.pack("<IIQ", _LIST, kind, len(value))
        return _packed(_TEXT, key) + head + b"".join(_packed(kind, item) for item in value)
    return _packed(_TEXT, key) + struct.pack("<I", kind) + _packed(kind, value)


def _code(token: int) -> bytes:
    """Return a token's code as WIDTH float16 numbers, each +1 or -1; a hash, so that it never changes."""
    return b"".join(_SIGNED[b] for b in blake2b(token.to_bytes(4, "little"), digest_size=WIDTH // 8).digest())


def write(toy: Toy, path: Path) -> None:
    """Write the toy as a GGUF file of about 1 MB, the same bytes each time; raises OSError."""
    tokens, types, successors = _vocabulary(toy)
    end = tokens.index(END)
    sizes = {"context_length": CONTEXT, "embedding_length": WIDTH, "feed_forward_length": WIDTH}
    sizes |= {"block_count": 1, "attention.head_count": 1, "attention.head_count_kv": 1}
    sizes |= dict.fromkeys(("attention.key_length", "attention.value_length", "rope.dimension_count"), HEAD)
    metadata = [
        ("general.architecture", _TEXT, "llama"),
        ("general.name", _TEXT, f"{toy.id}, {toy.about}"),
        *((f"llama.{name}", _U32, size) for name, size in sizes.items()),
        ("llama.attention.layer_norm_rms_epsilon", _F32, 1e-6),
        ("tokenizer.ggml.model", _TEXT, "gpt2"),
        ("tokenizer.ggml.pre", _TEXT, "gpt-2"),
        ("tokenizer.ggml.tokens", _TEXT, tokens),
        ("tokenizer.ggml.token_type", _I32, types),
        ("tokenizer.ggml.merges", _TEXT, [" ".join(pair) for pair in tokens[256 : 256 + PAIRS]]),
        ("tokenizer.ggml.bos_token_id", _U32, end),
        ("tokenizer.ggml.eos_token_id", _U32, end),
        ("tokenizer.ggml.add_bos_token", _BOOL, False),
        ("tokenizer.chat_template", _TEXT, TEMPLATE),
    ]
    codes = [_code(token) for token in range(len(tokens))]
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v"), (WIDTH, HEAD)) | {"attn_output": (HEAD, WIDTH)}
    shapes |= dict.fromkeys(("ffn_gate", "ffn_up", "ffn_down"), (WIDTH, WIDTH))
    tensors: list[tuple[str, tuple[int, ...], int, bytes]] = [
        ("token_embd.weight", (WIDTH, len(tokens)), _TENSOR_F16, b"".join(codes[n] for n in successors)),
        ("output.weight", (WIDTH, len(tokens)), _TENSOR_F16, b"".join(codes)),
        ("output_norm.weight", (WIDTH,), _TENSOR_F32, struct.pack("<f", SCALE) * WIDTH),
        *((f"blk.0.{name}_norm.weight", (WIDTH,), _TENSOR_F32, b"\0\0\x80\x3f" * WIDTH) for name in ("attn", "ffn")),
        *((f"blk.0.{name}.weight", (a, b), _TENSOR_F32, bytes(4 * a * b)) for name, (a, b) in shapes.items()),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(_field(*field) for field in metadata)
    data = b""
    for name, shape, kind, raw in tensors:
        head += _packed(_TEXT, name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += raw + bytes(-len(raw) % _ALIGNMENT)
    path.write_bytes(head + bytes(-len(head) % _ALIGNMENT) + data)
