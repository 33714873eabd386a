"""Token lengths: a sketch of what an account sends and gets, by the lengths alone.

The exchanges of an account fall into cells of input and output length, on logarithmic scales. A MinHash
sketch (Broder 1997) of the cells that it uses often is one signal: two accounts have the same with a
chance of the fourth power of the Jaccard index of their cells. Where these cells do not have most of the
account's exchanges, its lengths are too broad to be like another's, and the signal is one that the
account has alone. A tool that has few lengths gives the same sketch to all who use nothing else, which is
then popular and tells little.
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
# Multipliers of the hashes h -> (a h + b) mod p of the sketch's rows; p is the eighth Mersenne prime.
_ROWS = ((1_103_515_245, 12_345), (1_664_525, 1_013_904_223), (69_069, 907_633_385), (1_566_083_941, 7))
_PRIME = 2_147_483_647
_CELLS = f"""
SELECT account_id, lengths, exchanges, first_seen, last_seen,
       sum(exchanges) OVER (PARTITION BY account_id) AS all_exchanges
FROM (
    SELECT account_id, lengths, sum(exchanges) AS exchanges,
           min(moment) AS first_seen, max(moment) AS last_seen
    FROM {LENGTHS} GROUP BY account_id, lengths
)
QUALIFY all_exchanges >= {{least}}
"""
_SKETCHES = f"""
SELECT account_id, '{SHAPES}' AS kind,
       CASE WHEN sum(exchanges) FILTER (WHERE often) >= {_NARROW} * any_value(all_exchanges)
            THEN concat_ws(' ', {{sketch}})
            ELSE {ALONE.format(key="account_id")} END AS value,
       min(first_seen) AS first_seen, max(last_seen) AS last_seen, {MEASURES}, NULL::VARCHAR AS place
FROM ({{cells}}) GROUP BY account_id
"""


def find_shapes(engine: Engine, *, least: int) -> bool:
    """Make the relation `token_lengths_signals`, with the columns of `sightings`.

    Args:
        engine: with `token_lengths`.
        least: exchanges with lengths that an account must have.

    Returns:
        Whether any two accounts have the same sketch.
    """
    sketch = ", ".join(f"arg_min(cell, {_hash(a, b)}) FILTER (WHERE often)" for a, b in _ROWS)
    said = f"{_say('//')} || '/' || {_say('%')} AS cell"
    often = f"exchanges >= {_OFTEN} * all_exchanges AS often"
    cells = f"SELECT *, {said}, {often} FROM ({_CELLS.format(least=least)})"
    engine.create(f"{SHAPES}_signals", _SKETCHES.format(sketch=sketch, cells=cells))
    shared = f"SELECT 1 FROM {SHAPES}_signals GROUP BY value HAVING count(*) > 1 LIMIT 1"
    return bool(engine.fetch(shared).num_rows)


def _hash(multiplier: int, addend: int) -> str:
    return f"(lengths::BIGINT * {multiplier} + {addend}) % {_PRIME}"


def _say(side: str) -> str:
    """Write the middle of a cell's input (``//``) or output (``%``) lengths, in tokens."""
    return f"round(pow(2, (lengths {side} {LENGTH_BASE}) / {float(LENGTH_STEPS)}) - 1)::BIGINT"
