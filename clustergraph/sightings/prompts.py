"""Put templates in the place of prompts, tell which asked for reasoning, and forget the prompts.

Prompts leave the engine in batches that are dropped as soon as they are counted. What stays are the hash of
each prompt, its template and a hash of what fills its slots, until the rows are written again without the
text.
"""

from __future__ import annotations

import os
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from clustergraph.engines.sql import quote
from clustergraph.sightings.layouts import PROMPT, TEMPLATE
from clustergraph.sightings.traits import ELICITING
from clustergraph.templates.fillings import NO_FILLING
from clustergraph.templates.known import FOUND, numbers_of, say_id
from clustergraph.templates.mining import NO_TEMPLATE, Miner
from clustergraph.templates.parallel import Parallel
from clustergraph.templates.redaction import ACCOUNTS, LEAST_ACCOUNTS, LONGEST, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.layouts import Layout
    from clustergraph.sightings.survey import Columns

BATCH = 20_000  # prompts
TEMPLATES_AT_ONCE = 10_000  # whose prompts are in Python's hands for their texts
# Rows whose template has to be found.
_OPEN = f"{PROMPT} <> '' AND coalesce({TEMPLATE}, '') = ''"
_SIZE = f"""
SELECT count(*) FILTER ({_OPEN}) AS prompts,
       coalesce(sum(strlen({PROMPT})) FILTER ({_OPEN}), 0)::BIGINT AS bytes,
       count(*) FILTER ({PROMPT} <> '') AS all_prompts
FROM {{relation}}
"""
_PROMPTS = f"SELECT {{prompt}} AS prompt_hash, {PROMPT} FROM {{relation}} WHERE {_OPEN}"
_ROWS = f"""
SELECT {{columns}}, CASE WHEN {PROMPT} <> '' THEN {{asked}} END AS {ELICITING}
FROM {{relation}} LEFT JOIN prompt_templates ON {_OPEN} AND prompt_hash = {{prompt}}
"""
# Where every prompt came with its template.
_WHOLE_ROWS = (
    f"SELECT {{columns}}, CASE WHEN {PROMPT} <> '' THEN {{asked}} END AS {ELICITING} FROM {{relation}}"
)
# One prompt of each account with a template, of templates that two accounts have at least.
_HOLDERS = f"""
SELECT template, account, min(prompt_hash) AS prompt_hash, count(*) OVER (PARTITION BY template) AS accounts
FROM (
    SELECT template, {{account}} AS account, prompt_hash
    FROM {{relation}} JOIN prompt_templates ON {_OPEN} AND prompt_hash = {{prompt}}
    WHERE template IS NOT NULL
)
GROUP BY template, account QUALIFY accounts > 1
"""
# Rows by what filled the slots of a template that two accounts have, or had on an earlier night.
_FILLINGS = f"""
SELECT account_id, {{day}} AS day, template, filling, count(*) AS uses
FROM {{relation}} JOIN prompt_templates ON {_OPEN} AND prompt_hash = {{prompt}}
WHERE filling IS NOT NULL AND template IN (
    SELECT template FROM template_holders UNION ALL SELECT template FROM templates_before
)
GROUP BY ALL
"""
_SHARED = "SELECT DISTINCT template FROM template_holders ORDER BY template"
# Which accounts' prompts are compared is decided by the hashes of the accounts.
_SAMPLES = f"""
SELECT template, prompt_hash, count(*) AS accounts
FROM (
    SELECT template, prompt_hash FROM template_holders WHERE accounts >= {LEAST_ACCOUNTS}
    QUALIFY row_number() OVER (PARTITION BY template ORDER BY account) <= {ACCOUNTS}
)
GROUP BY template, prompt_hash
"""
_SAMPLED = f"""
SELECT template, accounts, text FROM template_samples JOIN (
    SELECT {{prompt}} AS prompt_hash, left(min({PROMPT}), {LONGEST}) AS text
    FROM {{relation}} WHERE {_OPEN} AND {{prompt}} IN (
        SELECT prompt_hash FROM template_samples WHERE template % {{parts}} = {{part}}
    )
    GROUP BY 1
) USING (prompt_hash)
WHERE template % {{parts}} = {{part}} ORDER BY template, prompt_hash
"""


class Prompted(NamedTuple):
    """Rows whose prompts were put in templates; the engine has `fillings` then (`reading.Sightings`).

    Attributes:
        relation: the rows, without prompts; `eliciting` tells whether theirs asked for reasoning, null
            without one.
        any_found: whether any prompt has a template.
        templates: those that two accounts have at least, by id (`templates.known.FOUND`).
    """

    relation: str
    any_found: bool
    templates: pa.Table


def name_templates(
    engine: Engine, relation: str, layouts: Iterable[Layout], columns: Columns, known: pa.Table | None,
    asked: str, *, threads: int | None, progress: Callable[[str], None],
) -> Prompted:  # fmt: skip
    """Make the rows of a relation with templates for prompts, and without the prompts.

    Args:
        engine: that has the relation.
        relation: the rows, each counted once.
        layouts: that they come from.
        columns: of the rows.
        known: templates that keep their ids (`templates.known.FOUND`).
        asked: expression that tells whether a prompt asks for reasoning.
        threads: to use; all processors if None.
        progress: told in a few words what is being done.
    """
    parts = {"relation": relation, "prompt": engine.hash(PROMPT), "account": engine.hash("account_id")}
    size = engine.fetch(_SIZE.format(**parts)).to_pylist()[0]
    if not size["all_prompts"]:  # JSON might have had some
        names = ", ".join(quote(name) for name in columns.wanted if name != PROMPT)
        engine.view("input_unprompted", f"SELECT {names}, NULL::BOOLEAN AS {ELICITING} FROM {relation}")
        return Prompted("input_unprompted", False, FOUND.empty_table())
    found, any_found = FOUND.empty_table(), False
    rows = _WHOLE_ROWS
    if size["prompts"]:
        run = partial(Parallel, threads or os.cpu_count() or 1)
        found, any_found = _find_templates(engine, size, parts, columns, known, run, progress)
        rows = _ROWS
    engine.create("input_templates", rows.format(columns=_choose(columns, size), asked=asked, **parts))
    for name in ("prompt_templates", "template_holders", "template_samples", "templates_before"):
        engine.drop(name)
    _forget_prompts(engine, layouts)
    return Prompted("input_templates", any_found, found)


def _find_templates(
    engine: Engine, size: Mapping[str, int], parts: Mapping[str, str], columns: Columns,
    known: pa.Table | None, parallel: Callable[[], Parallel], progress: Callable[[str], None],
) -> tuple[pa.Table, bool]:  # fmt: skip
    """Load `prompt_templates`; give the templates that two accounts have, and whether there are any."""
    progress(f"finding templates in {size['prompts']:,} prompts")
    with parallel() as run:
        miner = Miner(size["prompts"], size["bytes"], run, known)
        _load_templates(engine, _PROMPTS.format(**parts), miner)
    engine.create("template_holders", _HOLDERS.format(**parts))
    shared = engine.fetch(_SHARED)["template"].to_numpy()
    found = miner.describe(shared, columns.signals[TEMPLATE])
    del miner  # and its tables
    progress(f"redacting the texts of {len(shared):,} templates")
    texts = _redact(engine, found["template_id"].to_pylist(), parts)
    found = found.set_column(found.column_names.index("text"), "text", texts)
    any_found = engine.fetch("SELECT count(template) > 0 AS any FROM prompt_templates")["any"][0].as_py()
    _name_fillings(engine, known, columns, parts)
    return found, any_found


def _name_fillings(
    engine: Engine, known: pa.Table | None, columns: Columns, parts: Mapping[str, str]
) -> None:
    """Name `fillings`: how often each account filled the slots of each template with what, day by day."""
    before = numbers_of(known["template_id"]) if known is not None else np.empty(0, np.uint64)
    engine.load("templates_before", pa.table({"template": before}))
    day = 'CAST("timestamp" AS DATE)' if "timestamp" in columns.present else "NULL::DATE"
    engine.create("fillings", _FILLINGS.format(day=day, **parts))


def _forget_prompts(engine: Engine, layouts: Iterable[Layout]) -> None:
    """Take the prompts out of all that the engine keeps; relations that had them cannot be asked again."""
    for relation in ("input_unique", "input_candidates"):
        engine.drop(relation)
    for layout in layouts:
        if layout.format != "parquet":
            engine.create(f"{layout.name}_rows", f"SELECT * EXCLUDE ({PROMPT}) FROM {layout.name}_rows")


def _load_templates(engine: Engine, query: str, miner: Miner) -> None:
    """Load `prompt_templates`: the engine's hash of each prompt, its template and filling, or null."""
    for batch in engine.stream(query, BATCH):
        miner.observe(batch.column(1))
    hashes, codes, fillings = ([np.empty(0, np.uint64)] for _ in range(3))
    for batch in engine.stream(query, BATCH):
        hashes.append(batch.column(0).to_numpy().copy())  # a view would keep the prompts, too
        assigned = miner.assign(batch.column(1))
        codes.append(assigned.codes)
        fillings.append(assigned.fillings)
    different, first = np.unique(np.concatenate(hashes), return_index=True)
    found = miner.templates(np.concatenate(codes))[first]
    filled = np.concatenate(fillings)[first]
    columns = {
        "prompt_hash": different,
        "template": pa.array(found, mask=found == NO_TEMPLATE),
        "filling": pa.array(filled, mask=filled == NO_FILLING),
    }
    engine.load("prompt_templates", pa.table(columns))


def _choose(columns: Columns, size: Mapping[str, int]) -> str:
    """Write the columns of the rows, without prompts and with their templates."""
    if not size["prompts"]:
        return ", ".join(quote(name) for name in columns.wanted if name != PROMPT)
    template = f"coalesce('tpl_' || lpad(lower(hex(template)), 16, '0'), {TEMPLATE}) AS {TEMPLATE}"
    names = [name for name in columns.wanted if name != PROMPT]
    return ", ".join(template if name == TEMPLATE else quote(name) for name in names)


def _redact(engine: Engine, ids: list[str], parts: Mapping[str, str]) -> pa.Array:
    """Give the redacted text of each template, null where nothing of it may be shown."""
    engine.create("template_samples", _SAMPLES)
    count = engine.fetch("SELECT count(DISTINCT template) AS n FROM template_samples")["n"][0].as_py()
    texts: dict[str, str | None] = {}
    many = -(-count // TEMPLATES_AT_ONCE)
    for part in range(many):
        rows = engine.fetch(_SAMPLED.format(parts=many, part=part, **parts)).to_pylist()
        for template, prompts in groupby(rows, lambda row: row["template"]):
            texts[say_id(template)] = redact((row["text"], row["accounts"]) for row in prompts)
    return pa.array([texts.get(one) for one in ids], pa.string())
