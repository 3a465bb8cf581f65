"""The cases: one piece of work each, written once for geocn and once for a peer.

The line ``#--`` parts what is made ready (imports and input) from the work that is timed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One piece of work; ``{reference}`` stands for the folder of reference inputs.

    Attributes
    ----------
    name : str
        What is done, with its size.
    ours, peer : str
        The work as code of a fresh interpreter; ``peer`` is empty where none does this work.
    peer_name : str
        Whose code ``peer`` is.
    limit_cpu_s, limit_mb : float, optional
        What was promised.
    """

    name: str
    ours: str
    peer: str = ""
    peer_name: str = ""
    limit_cpu_s: float | None = None
    limit_mb: float | None = None
