"""A relay as it is deployed: what uvicorn's workers import. Its server and store are named in the
environment."""

from __future__ import annotations

import os

import voxwire
from voxwire.relay import Relay

app = Relay(
    store=voxwire.SQLiteStore(os.environ["RELAY_STORE"]),
    storing=voxwire.StoreOptions(lease=1.0),
    session={"url": os.environ["RELAY_SERVER"], "output_modalities": ["text"]},
    page=True,
)
