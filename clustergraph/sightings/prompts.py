"""Put templates in the place of prompts, and forget the prompts.

Prompts leave the engine in batches that are dropped as soon as they are counted. What stays are the hash of each
prompt and its template; the rows are written again without the text before anything else is made of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.engines.sql import quote
from clustergraph.sightings.layouts import PROMPT, TEMPLATE
from clustergraph.templates.mining import NO_TEMPLATE, Miner
from clustergraph.templates.parallel import Parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.layouts import Layout
    from clustergraph.sightings.survey import Columns

BATCH = 20_000  # prompts
# Rows whose template has to be found.
_OPEN = f"{PROMPT} <> '' AND coalesce({TEMPLATE}, '') = ''"


def name_templates(
    engine: Engine, relation: str, columns: Columns, *, threads: int | None, progress: Callable[[str], None]
) -> tuple[str, int]:
    """Make the rows of a relation with templates for prompts, and without the prompts.

    Args:
        engine: that has the relation.
        relation: the rows, each counted once.
        columns: of the rows.
        threads: to use; all processors if None.
        progress: told in a few words what is being done.

    Returns:
        The name of the rows, and how many prompts there were.
    """
    size = f"count(*) AS prompts, coalesce(sum(strlen({PROMPT})), 0)::BIGINT AS length"
    found = engine.fetch(f"SELECT {size} FROM {relation} WHERE {_OPEN}").to_pylist()[0]
    prompts = int(found["prompts"])
    progress(f"finding templates in {prompts:,} prompts")
    engine.load("prompt_templates", _find_templates(engine, relation, prompts, found["length"], threads))
    found = f"{_OPEN} AND prompt_hash = {engine.hash(PROMPT)}"
    template = f"coalesce('tpl_' || lpad(lower(hex(template)), 16, '0'), {TEMPLATE}) AS {TEMPLATE}"
    names = [name for name in columns.wanted if name != PROMPT]
    given = ", ".join(template if name == TEMPLATE else quote(name) for name in names)
    engine.create("input_templates", f"SELECT {given} FROM {relation} LEFT JOIN prompt_templates ON {found}")
    return "input_templates", prompts


def forget_prompts(engine: Engine, layouts: Iterable[Layout]) -> None:
    """Take the prompts out of all that the engine keeps; nothing that has them can be asked again."""
    for relation in ("input_unique", "input_candidates"):
        engine.drop(relation)
    for layout in layouts:
        if layout.format != "parquet":
            engine.create(f"{layout.name}_rows", f"SELECT * EXCLUDE ({PROMPT}) FROM {layout.name}_rows")


def _find_templates(
    engine: Engine, relation: str, prompts: int, length: int, threads: int | None
) -> pa.Table:
    """Give `prompt_hash`, the engine's hash of each prompt, and `template`, a number."""
    query = f"SELECT {engine.hash(PROMPT)} AS prompt_hash, {PROMPT} FROM {relation} WHERE {_OPEN}"
    hashes, codes = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    with Parallel(threads or os.cpu_count() or 1) as run:
        miner = Miner(prompts, length, run)
        for batch in engine.stream(query, BATCH):
            miner.observe(batch.column(1))
        for batch in engine.stream(query, BATCH):
            hashes.append(batch.column(0).to_numpy().copy())  # a view would keep the prompts, too
            codes.append(miner.assign(batch.column(1)))
        found = miner.templates(np.concatenate(codes))
    different, first = np.unique(np.concatenate(hashes), return_index=True)
    template = found[first]
    return pa.table({"prompt_hash": different, "template": pa.array(template, mask=template == NO_TEMPLATE)})
