"""The endpoints this package knows, one row each, and a dated table of models and prices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Wire = Literal["anthropic-messages"]
AuthHeader = Literal["x-api-key", "bearer"]


@dataclass(frozen=True, slots=True)
class Preset:
    """
    Facts about an endpoint. No code asks for a preset by its slug: it asks for one of these.

    The defaults are the careful ones: a key is needed, nothing is local, no price is known.
    """

    slug: str
    name: str
    base_url: str
    wire: Wire = "anthropic-messages"
    auth_header: AuthHeader = "bearer"
    needs_key: bool = True
    key_variables: tuple[tuple[str, AuthHeader], ...] = ()
    base_url_variable: str = ""
    model_variable: str = ""
    key_page: str = ""
    model_page: str = ""
    model_form: str = ""
    default_model: str = "sonnet"
    aliases: dict[str, str] = field(default_factory=dict)
    sure_of_aliases: bool = False
    embedded: bool = False
    priced_by_table: bool = False
    max_tokens: int = 8192


TABLE_DATE = "2026-11"
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
            key_page="https://platform.claude.com/settings/keys",
            model_form="opus, sonnet, haiku, or an id such as claude-sonnet-5-5",
            aliases=_CLAUDE,
            sure_of_aliases=True,
            priced_by_table=True,
        ),
        Preset(
            slug="openrouter",
            name="OpenRouter",
            base_url="https://openrouter.ai/api",
            key_variables=(("OPENROUTER_API_KEY", "bearer"),),
            key_page="https://openrouter.ai/keys",
            model_page="https://openrouter.ai/models",
            model_form="provider/model-name",
            aliases=_CLAUDE,
        ),
        Preset(
            slug="vercel",
            name="Vercel AI Gateway",
            base_url="https://ai-gateway.vercel.sh",
            key_variables=(("AI_GATEWAY_API_KEY", "bearer"),),
            key_page="https://vercel.com/dashboard/ai-gateway",
            model_page="https://vercel.com/ai-gateway/models",
            model_form="provider/model-name",
            aliases=_CLAUDE,
        ),
        Preset(
            slug="demo",
            name="Demo (toy models)",
            base_url="",
            needs_key=False,
            default_model="toy-1",
            model_form="toy-1, toy-2 or toy-3",
            embedded=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Price:
    """
    USD per million tokens: fresh input, output, cache writes kept 5 min and 1 h, cache reads.

    A figure on which the sources disagree is None, and what needs it has no known price.
    """

    input: float
    output: float
    write_5m: float
    write_1h: float
    read: float | None


# Anthropic's model pages and LiteLLM's table, read in November 2026. Where a longer prompt
# costs more there is no row: an unknown price is better than a wrong one.
PRICES: dict[str, Price] = {
    "claude-opus-5-5": Price(4, 20, 5, 8, 0.20),
    "claude-sonnet-5-5": Price(2, 10, 2.50, 4, None),
    "claude-opus-5": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-8": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-7": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-6": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-5-20251101": Price(5, 25, 6.25, 10, 0.50),
    "claude-sonnet-5": Price(2, 10, 2.50, 4, 0.20),
    "claude-sonnet-4-6": Price(3, 15, 3.75, 6, 0.30),
    "claude-sonnet-4-5-20250929": Price(3, 15, 3.75, 6, 0.30),
    "claude-haiku-4-5-20251001": Price(1, 5, 1.25, 2, 0.10),
}
