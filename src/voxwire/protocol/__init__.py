"""The protocol: bytes to events and back, what is allowed, server deviations. No session."""
