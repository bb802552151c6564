"""Compares specs/ with the service's own OpenAPI document and tells what has moved apart.

The other parts of codegen need nothing of it, and it reads only specs/, never what is generated.
"""

from .command import add_arguments, run

__all__ = ["add_arguments", "run"]
