"""The same program against Azure OpenAI, by key or by Entra ID.

    AZURE_OPENAI_ENDPOINT=https://my-resource.openai.azure.com AZURE_OPENAI_DEPLOYMENT=voice \
        AZURE_OPENAI_API_KEY=... python examples/azure_openai.py "What is a duologue?"

Without AZURE_OPENAI_API_KEY it asks the azure-identity package for a token, for each connection
anew.
"""

from __future__ import annotations

import asyncio
import os
import sys

import voxwire


def server() -> voxwire.Azure:
    """Where, and as whom."""
    resource = os.environ["AZURE_OPENAI_ENDPOINT"]
    deployment = os.environ["AZURE_OPENAI_DEPLOYMENT"]
    key = os.environ.get("AZURE_OPENAI_API_KEY")
    if key:
        return voxwire.Azure(resource, deployment=deployment, api_key=key)
    # pip install azure-identity
    from azure.identity import DefaultAzureCredential  # type: ignore[import-not-found]

    return voxwire.Azure(resource, deployment=deployment, credential=DefaultAzureCredential())


async def main(question: str) -> None:
    async with voxwire.connect(
        server=server(), instructions="Be brief.", output_modalities=["text"]
    ) as session:
        async for text in session.say(question).text:
            print(text, end="", flush=True)
        print()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "What is a duologue?"))
