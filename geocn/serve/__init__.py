"""A door to one release: its maps and layers over HTTP, read-only, and nothing else."""

from geocn.serve.app import application
from geocn.serve.guard import read_token
from geocn.serve.server import serve

__all__ = ["application", "read_token", "serve"]
