"""From one connection to the next: when to try, how, and what the new server must be told."""
