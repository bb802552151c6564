"""Conversations on workers that are killed: what is said, who says it, and what has to be true."""
