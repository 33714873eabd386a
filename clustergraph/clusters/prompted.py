"""The templates that were found in prompts, as the artefact has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.artefacts.schema import TEMPLATES, fill_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from clustergraph.sightings.reading import Sightings

_TEMPLATES = """
SELECT kind, value, min(text) AS text, count(DISTINCT account_id) AS accounts,
       sum(exchanges)::BIGINT AS exchanges, min(first_seen)::TIMESTAMP AS first_seen
FROM sightings JOIN template_texts USING (kind, value)
GROUP BY kind, value HAVING accounts > 1 ORDER BY accounts DESC, kind, value
"""


def list_templates(sightings: Sightings) -> pa.Table:
    """List the templates of a window or a run, those of most accounts first.

    Args:
        sightings: with the templates that are known.
    """
    known = sightings.templates
    if not known.num_rows:
        return TEMPLATES.empty_table()
    texts = known.select(["kind", "template_id", "text"]).rename_columns(["kind", "value", "text"])
    sightings.engine.load("template_texts", texts)
    found = sightings.engine.fetch(_TEMPLATES)
    return fill_schema(TEMPLATES, {name: found[name] for name in found.column_names}, found.num_rows)
