"""One live session: what it knows, what a program may ask of it, and how it reconnects."""
