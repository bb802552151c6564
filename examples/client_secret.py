"""A key for a browser: what a back-end hands to a page in place of its own key.

    OPENAI_API_KEY=sk-... python examples/client_secret.py

Prints what the page needs, as JSON. The key opens conversations with these settings for a minute,
and one that has begun goes on after that.
"""

from __future__ import annotations

import json

import voxwire


def main() -> None:
    session = voxwire.realtime_session(
        instructions="You are the harbour desk. Be brief.", voice="cedar"
    )
    with voxwire.Client() as client:
        try:
            secret = client.client_secrets.create(session=session, expires_after=60)
        except voxwire.HttpError as error:
            raise SystemExit(f"no key: {error}") from None
    print(json.dumps({"value": secret.value, "expires_at": secret.expires_at}))


if __name__ == "__main__":
    main()
