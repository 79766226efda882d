"""Run by another Python, which has these clients: asks once, with the environment given on standard input."""

from __future__ import annotations

import asyncio
import json
import os
import sys


def by_anthropic(question: str) -> str:
    import anthropic

    with anthropic.Anthropic() as client, client.messages.stream(
        model=os.environ["ANTHROPIC_MODEL"], max_tokens=200, messages=[{"role": "user", "content": question}]
    ) as stream:  # fmt: skip
        return stream.get_final_text()


def by_claude_agent_sdk(question: str, env: dict[str, str]) -> str:
    from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, TextBlock, query

    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "IS_SANDBOX": "1"}
    options = ClaudeAgentOptions(
        env=env | quiet,
        model=env["ANTHROPIC_MODEL"],
        max_turns=1,
        tools=[],
        system_prompt="A test.",
        setting_sources=[],
    )

    async def ask() -> str:
        said = ""
        async for message in query(prompt=question, options=options):
            if isinstance(message, AssistantMessage):
                said += "".join(block.text for block in message.content if isinstance(block, TextBlock))
        return said

    return asyncio.run(ask())


if __name__ == "__main__":
    given = json.load(sys.stdin)
    if sys.argv[1] == "anthropic":
        os.environ.update(given)
        print(json.dumps(by_anthropic("hello")))
    else:
        print(json.dumps(by_claude_agent_sdk("hello", given)))
