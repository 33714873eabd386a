"""What accounts do over time, in relations that can be folded day by day and united again without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.sightings.layouts import MODEL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.survey import Columns

MINUTES, MODELS, LENGTHS = "active_minutes", "model_hours", "token_lengths"
# Steps of the lengths per doubling, and what keeps the input's step apart from the output's in one number.
LENGTH_STEPS = 6
LENGTH_BASE = 1_000
_HOUR = "date_trunc('hour', \"timestamp\")"


def _step(tokens: str) -> str:
    return f"round({LENGTH_STEPS} * log2(1 + {tokens}::DOUBLE / exchanges))::INTEGER"


# The columns of each relation: the key, and whether it counts exchanges; `moment` is a time in each.
_KEYS = {
    MINUTES: {"account_id": "account_id", "moment": "date_trunc('minute', \"timestamp\")"},
    MODELS: {"account_id": "account_id", "moment": _HOUR, "model": MODEL},
    LENGTHS: {
        "account_id": "account_id",
        "moment": 'CAST(CAST("timestamp" AS DATE) AS TIMESTAMP)',
        "lengths": f"{LENGTH_BASE} * {_step('input_tokens')} + {_step('output_tokens')}",
    },
}
_NEEDED = {MODELS: f"{MODEL} <> ''", LENGTHS: "input_tokens + output_tokens > 0"}


def name_activity(engine: Engine, relation: str, columns: Columns, *, has_time: bool) -> frozenset[str]:
    """Name the relations of activity that the input has the columns for.

    `active_minutes` has account_id and moment: each minute in which an account made an exchange.
    `model_hours` has account_id, moment (an hour), model and exchanges; `token_lengths` account_id, moment (a
    day), lengths (the steps of input and output tokens per exchange, on logarithmic scales) and exchanges.

    Args:
        engine: that has the rows.
        relation: with each row of the input once.
        columns: of the input.
        has_time: whether any row has a time.

    Returns:
        The names.
    """
    names = [MINUTES] if has_time else []
    if has_time and columns.shape == "events":  # sightings repeat an exchange once per kind
        names += [MODELS] if columns.model else []
        names += [LENGTHS] if {"input_tokens", "output_tokens"} <= set(columns.present) else []
    for name in names:
        needed = f" AND {_NEEDED[name]}" if name in _NEEDED else ""
        rows = f'{relation} WHERE "timestamp" IS NOT NULL AND exchanges > 0{needed}'
        engine.view(name, _group(name, rows, _KEYS[name]))
    return frozenset(names)


def fold_activity(name: str, day: str) -> str:
    """Write the query of what a relation of activity has of a day, in the order of its key."""
    keys = ", ".join(_KEYS[name])
    return f"SELECT * FROM {name} WHERE CAST(moment AS DATE) = {day} ORDER BY {keys}"


def unite_activity(engine: Engine, name: str, files: Sequence[str]) -> None:
    """Name a relation of activity over what was folded of it, several times of one day included."""
    engine.scan(f"window_{name}", files, file_format="parquet")
    engine.view(name, _group(name, f"window_{name}", {key: key for key in _KEYS[name]}))


def _group(name: str, rows: str, keys: dict[str, str]) -> str:
    said: Collection[str] = [f"{sql} AS {key}" for key, sql in keys.items()]
    if name == MINUTES:
        return f"SELECT DISTINCT {', '.join(said)} FROM {rows}"
    return f"SELECT {', '.join(said)}, sum(exchanges)::BIGINT AS exchanges FROM {rows} GROUP BY ALL"
