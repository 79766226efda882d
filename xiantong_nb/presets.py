"""The endpoints this package knows, one row each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Wire = Literal["anthropic-messages", "openai-completions"]
_BOTH: tuple[Wire, ...] = ("anthropic-messages", "openai-completions")
AuthHeader = Literal["x-api-key", "bearer"]


@dataclass(frozen=True, slots=True)
class Preset:
    """
    Facts about an endpoint.

    Code asks what an endpoint can do by these fields, never by its slug. Two rows are looked up by theirs: `custom`,
    which an endpoint without a row of its own gets, and `demo`.

    The defaults are the careful ones: a key is needed, nothing is local, no price is known.

    - `base_url` is empty where the user gives it, or where the endpoint is embedded.
    - `wires` are those it speaks, the one it is asked by unless said first; `base_url` is the first one's.
    - `key_prefix` is how its keys begin, to notice the key of another provider, and one that stands on a line.
    - `default_model` is empty where only what the endpoint lists can be asked.
    - `models` is for an endpoint that has these and no others.
    - `if_unreached`, `if_unknown` and `if_empty` are next steps of its own: nothing listens, no such `{model}`,
      no model at all.
    - `guessed` is for endpoints whose wire and header nobody knows but their owner: a failed test tries the others.
    - `own_routes` names the server whose routes it has beside the wires, such as Ollama's `/api/tags`.
    - `model_pattern` is what every name there looks like, where that is certain.
    - `image_urls` is for endpoints that fetch an image by its URL themselves.
    - `documents` and `schemas` are the wires by which it reads a PDF, and keeps an answer to a JSON schema.
    - `counts_tokens` is for endpoints that count the tokens of a question without running a model.
    - `free` is for endpoints that cost nothing but this machine's time.
    - `app_type` is what the desktop app calls the kind of its entries (`providerType`).
    """

    slug: str
    name: str
    base_url: str
    wires: tuple[Wire, ...] = ("anthropic-messages",)
    auth_header: AuthHeader = "bearer"
    needs_key: bool = True
    key_variables: tuple[tuple[str, AuthHeader], ...] = ()
    base_url_variable: str = ""
    model_variable: str = ""
    key_prefix: str = ""
    key_page: str = ""
    model_page: str = ""
    model_form: str = ""
    default_model: str = "sonnet"
    aliases: dict[str, str] = field(default_factory=dict)
    sure_of_aliases: bool = False
    models: tuple[str, ...] = ()
    embedded: bool = False
    priced_by_table: bool = False
    max_tokens: int = 8192
    if_unreached: str = ""
    if_unknown: str = ""
    if_empty: str = ""
    guessed: bool = False
    own_routes: Literal["", "ollama"] = ""
    model_pattern: str = r"(?s).*"
    image_urls: bool = False
    documents: tuple[Wire, ...] = ()
    schemas: tuple[Wire, ...] = ()
    counts_tokens: bool = False
    free: bool = False
    app_type: str = "pi_compat"


# Anthropic's newest of each line in November 2026
_CLAUDE = {"opus": "claude-opus-5-5", "sonnet": "claude-sonnet-5-5", "haiku": "claude-haiku-5-5"}

PRESETS: dict[str, Preset] = {
    row.slug: row
    for row in (
        Preset(
            slug="anthropic",
            name="Anthropic",
            base_url="https://api.anthropic.com",
            auth_header="x-api-key",
            key_variables=(("ANTHROPIC_API_KEY", "x-api-key"), ("ANTHROPIC_AUTH_TOKEN", "bearer")),
            base_url_variable="ANTHROPIC_BASE_URL",
            model_variable="ANTHROPIC_MODEL",
            key_prefix="sk-ant-",
            key_page="https://platform.claude.com/settings/keys",
            model_form="opus, sonnet, haiku, or an id such as claude-sonnet-5-5",
            aliases=_CLAUDE,
            sure_of_aliases=True,
            priced_by_table=True,
            image_urls=True,
            documents=("anthropic-messages",),
            schemas=("anthropic-messages",),
            counts_tokens=True,
            app_type="anthropic",
        ),
        Preset(
            slug="openrouter",
            name="OpenRouter",
            base_url="https://openrouter.ai/api",
            wires=_BOTH,
            key_variables=(("OPENROUTER_API_KEY", "bearer"),),
            key_prefix="sk-or-",
            key_page="https://openrouter.ai/keys",
            model_page="https://openrouter.ai/models",
            model_form="provider/model-name",
            model_pattern=r"[^/\s]+/\S+",
            image_urls=True,
            documents=_BOTH,
            schemas=_BOTH,
            aliases=_CLAUDE,
        ),
        Preset(
            slug="vercel",
            name="Vercel AI Gateway",
            base_url="https://ai-gateway.vercel.sh",
            wires=_BOTH,
            key_variables=(("AI_GATEWAY_API_KEY", "bearer"),),
            key_prefix="vck_",
            key_page="https://vercel.com/dashboard/ai-gateway",
            model_page="https://vercel.com/ai-gateway/models",
            model_form="provider/model-name",
            model_pattern=r"[^/\s]+/\S+",
            image_urls=True,
            documents=_BOTH,
            schemas=_BOTH,
            aliases=_CLAUDE,
        ),
        Preset(
            slug="ollama",
            name="Ollama",
            base_url="http://localhost:11434",
            wires=_BOTH,
            needs_key=False,
            model_page="https://ollama.com/library",
            own_routes="ollama",
            # on its Messages route it ignores a schema; a PDF it drops without a word on either
            schemas=("openai-completions",),
            free=True,
            if_unreached="Is Ollama running here? `ollama list` says so. It wants http://, not https://.",
            if_unknown="Pull it: ollama pull {model}.",
            if_empty="Pull one: ollama pull llama3.2.",
            model_form="a pulled model, such as llama3.2 or qwen3-coder",
            default_model="",
        ),
        # the next provider's row stands here
        Preset(
            slug="custom",
            name="Custom",
            base_url="",
            guessed=True,
            wires=_BOTH,
            # OpenAI itself, vLLM, llama.cpp and most others; an answer that does not fit is asked for in words
            schemas=("openai-completions",),
            counts_tokens=True,  # llama.cpp, vLLM and LiteLLM do; a refusal costs nothing
            model_form="whatever the endpoint calls it",
            aliases=_CLAUDE,
        ),
        Preset(
            slug="demo",
            name="Demo (toy models)",
            base_url="",
            needs_key=False,
            default_model="toy-1",
            model_form="toy-1, toy-2 or toy-3",
            models=("toy-1", "toy-2", "toy-3"),
            embedded=True,
            counts_tokens=True,
        ),
    )
}
