"""The tables of the file store."""

from __future__ import annotations

__all__ = ["SCHEMA"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    fence INTEGER NOT NULL,
    owner TEXT,
    until REAL NOT NULL,
    ended INTEGER NOT NULL,
    at REAL NOT NULL,
    batch INTEGER NOT NULL DEFAULT 0,
    lines INTEGER NOT NULL DEFAULT 0,
    snapshot BLOB,
    covers INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
-- AUTOINCREMENT: a position is never given out again, also after the newest entries were deleted.
CREATE TABLE IF NOT EXISTS events (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    line INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of ON events (session, n);
CREATE TABLE IF NOT EXISTS asks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    body BLOB NOT NULL,
    at REAL NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    reply BLOB
);
CREATE INDEX IF NOT EXISTS asks_of ON asks (session, taken);
CREATE TABLE IF NOT EXISTS claims (
    session TEXT NOT NULL,
    fence INTEGER NOT NULL,
    owner TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (session, fence)
) WITHOUT ROWID;
"""
