"""Sessions under faults: connections that break anywhere, and what is left of the conversation."""
