"""Token lengths: a sketch of what an account sends and gets, by the lengths alone.

The exchanges of an account fall into cells of input and output length, on logarithmic scales. The signals of
an account are a bottom-k MinHash sketch (Broder 1997) of the cells that it uses often: the four of least
hash. So accounts with like cells share most of them, each cell counts once, and an account that uses many
has no more signals than one that uses few. Where these cells do not have most of the account's exchanges, its
lengths are too broad to be like another's, and its cells are signals that the account has alone. Cells that
a popular tool's users have are popular by themselves and tell little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.behaviour.rows import ALONE, MEASURES
from clustergraph.sightings.activity import LENGTH_BASE, LENGTH_STEPS, LENGTHS

if TYPE_CHECKING:
    from clustergraph.engines.interface import Engine

SHAPES = "token_lengths"
# A cell is used often if it has this share of the exchanges.
_OFTEN = 0.1
# What cells that are used often have of the exchanges of an account whose lengths are narrow.
_NARROW = 0.5
_SKETCH = 4
# The hash h -> (a h + b) mod p by which cells are chosen; p is the eighth Mersenne prime.
_HASH = "(lengths::BIGINT * 1103515245 + 12345) % 2147483647"
_CELLS = f"""
SELECT account_id, lengths, exchanges, first_seen, last_seen,
       sum(exchanges) OVER (PARTITION BY account_id) AS all_exchanges
FROM (
    SELECT account_id, lengths, sum(exchanges) AS exchanges,
           min(moment) AS first_seen, max(moment) AS last_seen
    FROM {LENGTHS} GROUP BY account_id, lengths
)
QUALIFY all_exchanges >= {{least}} AND exchanges >= {_OFTEN} * all_exchanges
"""
_SKETCHES = f"""
SELECT account_id, '{SHAPES}' AS kind,
       CASE WHEN often >= {_NARROW} * all_exchanges THEN {{cell}}
            ELSE {ALONE.format(key="account_id || ' ' || lengths")} END AS value,
       first_seen, last_seen, {MEASURES}, NULL::VARCHAR AS place
FROM (SELECT *, sum(exchanges) OVER (PARTITION BY account_id) AS often FROM ({{cells}}))
QUALIFY row_number() OVER (PARTITION BY account_id ORDER BY {_HASH}, lengths) <= {_SKETCH}
"""


def find_shapes(engine: Engine, *, least: int) -> bool:
    """Make the relation `token_lengths_signals`, with the columns of `sightings`.

    Args:
        engine: with `token_lengths`.
        least: exchanges with lengths that an account must have.

    Returns:
        Whether any two accounts share a cell.
    """
    cell = f"{_say('//')} || '/' || {_say('%')}"
    engine.create(f"{SHAPES}_signals", _SKETCHES.format(cell=cell, cells=_CELLS.format(least=least)))
    shared = f"SELECT 1 FROM {SHAPES}_signals GROUP BY value HAVING count(*) > 1 LIMIT 1"
    return bool(engine.fetch(shared).num_rows)


def _say(side: str) -> str:
    """Write the middle of a cell's input (``//``) or output (``%``) lengths, in tokens."""
    return f"round(pow(2, (lengths {side} {LENGTH_BASE}) / {float(LENGTH_STEPS)}) - 1)::BIGINT"
