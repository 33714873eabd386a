"""Counts of what tells extraction from ordinary use, taken while prompts are at hand.

The relation ``traits`` has whole numbers alone, so that sums are the same in any order, and days of folded
rows give what the rows themselves would give. Of prompts and conversations nothing stays but how many there
are, and 64 bits of the hash of a conversation's id, by which its exchanges are put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.sightings.layouts import CONVERSATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.survey import Columns

ELICITING = "eliciting"  # column of rows whose prompts were forgotten: whether theirs asked for reasoning
TRAITS = "traits"
# Parts of an octave that lengths in tokens are kept in.
FINENESS = 256
# Only a row of a single exchange tells how long one was: means of several are nearer to each other.
_SINGLE = "exchanges = 1 AND input_tokens > 0 AND output_tokens > 0"
_KEYS = {"account_id": "VARCHAR", "day": "DATE", "conversation": "UBIGINT"}
SUMS = (
    "exchanges", "prompted", "eliciting", "singles",
    "input_octaves", "input_octaves_squared", "output_octaves", "output_octaves_squared",
)  # fmt: skip
FOLDED = f"""
SELECT account_id, conversation, {", ".join(f"sum({name})::BIGINT AS {name}" for name in SUMS)}
FROM {TRAITS} WHERE day = {{day}}
GROUP BY account_id, conversation ORDER BY account_id, conversation NULLS FIRST
"""


def name_traits(engine: Engine, relation: str, columns: Columns, *, prompted: bool) -> None:
    """Name ``traits``, a row per row of events; it is empty for long sightings, which repeat exchanges.

    Its columns are ``account_id``, ``day`` (null where unknown), ``conversation`` (64 bits, null where
    unknown), ``exchanges``, of them ``prompted`` (whose prompt was seen) and ``eliciting`` (that ask for
    reasoning), ``singles`` (rows of one exchange with tokens), and of these the sums of log2 of input and
    output tokens, in parts of an octave, and of their squares.

    Args:
        engine: that has the relation.
        relation: the rows, each counted once.
        columns: of the rows.
        prompted: whether the rows have the column ``eliciting``.
    """
    if columns.shape == "sightings":
        open_traits(engine, [])
        return
    conversation = "NULL::UBIGINT"
    if columns.conversation:
        conversation = f"CASE WHEN {CONVERSATION} <> '' THEN md5_number_lower({CONVERSATION}) END"
    asked = f"CASE WHEN {ELICITING} IS NULL THEN 0 ELSE exchanges END" if prompted else "0"
    elicited = f"CASE WHEN {ELICITING} THEN exchanges ELSE 0 END" if prompted else "0"
    octaves = {
        name: f"CASE WHEN {_SINGLE} THEN round({FINENESS} * log2({name}_tokens)) ELSE 0 END::BIGINT"
        for name in ("input", "output")
    }
    lengths = ", ".join(
        f"{value} AS {name}_octaves, {value} * {value} AS {name}_octaves_squared"
        for name, value in octaves.items()
    )
    engine.view(
        TRAITS,
        f'SELECT account_id, CAST("timestamp" AS DATE) AS day, {conversation} AS conversation, exchanges,'
        f" ({asked})::BIGINT AS prompted, ({elicited})::BIGINT AS eliciting,"
        f" CASE WHEN {_SINGLE} THEN 1 ELSE 0 END::BIGINT AS singles, {lengths} FROM {relation}",
    )


def open_traits(engine: Engine, files: Sequence[str]) -> None:
    """Name ``traits`` of folded days; it is empty where there is no file.

    Args:
        engine: to read with.
        files: Parquet of what ``FOLDED`` gives.
    """
    if files:
        engine.scan("window_traits", files, file_format="parquet")
        engine.view(TRAITS, "SELECT * FROM window_traits")
        return
    kinds = _KEYS | dict.fromkeys(SUMS, "BIGINT")
    nulls = ", ".join(f"NULL::{kind} AS {name}" for name, kind in kinds.items())
    engine.view(TRAITS, f"SELECT {nulls} WHERE false")
