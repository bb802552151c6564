"""All benchmarks, one after the other: ``python -m benchmarks``."""

from benchmarks import conversation, decode

decode.main([])
print()
conversation.main([])
