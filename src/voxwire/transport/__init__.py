"""Sockets and servers: how one is opened, where each server is, and how a client authenticates."""
