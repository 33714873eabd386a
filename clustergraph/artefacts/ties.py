"""The ties of a run as investigations take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from clustergraph.artefacts.runs import Run

TIE_COLUMNS = ("source", "target", "bits", "shared", "families")


def read_ties(run: Run) -> pa.Table:
    """Read ``TIE_COLUMNS`` of all ties, with accounts as dictionaries of their different ids.

    Raises:
        InputError: the artefact is damaged.
    """
    return run.read("ties", TIE_COLUMNS, coded=TIE_COLUMNS[:2])
