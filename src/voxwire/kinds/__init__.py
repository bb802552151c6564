"""Sessions that are no conversations: transcription and translation."""
