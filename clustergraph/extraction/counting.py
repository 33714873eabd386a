"""Count, for accounts of clusters, what the parts of the extraction score are measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from clustergraph.engines.sql import literal
from clustergraph.extraction.parts import Measures, count_effective
from clustergraph.sightings.layouts import TEMPLATE
from clustergraph.sightings.traits import SUMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine
    from clustergraph.incidence.links import Incidence

_MEASURED = [name for name in SUMS if name != "exchanges"]
_TRAITS = f"""
SELECT c.place, {", ".join(f"coalesce(sum(t.{name}), 0)::BIGINT AS {name}" for name in _MEASURED)},
       coalesce(sum(t.exchanges) FILTER (t.conversation IS NOT NULL), 0)::BIGINT AS known,
       coalesce(sum(t.exchanges) FILTER (t.conversation IS NOT NULL AND t.exchanges = 1), 0)::BIGINT AS alone
FROM counted c JOIN (
    SELECT {{account}} AS hash, conversation, {", ".join(f"sum({name})::BIGINT AS {name}" for name in SUMS)}
    FROM traits WHERE {{account}} IN (SELECT hash FROM counted) GROUP BY 1, 2
) t USING (hash)
GROUP BY c.place ORDER BY c.place
"""
_HOLDERS = """
SELECT c.place AS account, sum(s.exchanges)::BIGINT AS exchanges
FROM sightings s JOIN counted c ON c.hash = {account}
WHERE s.kind = {template} GROUP BY c.place, {value} ORDER BY account, exchanges
"""
_HOURS = """
SELECT c.place, hour(x.first_seen) AS hour, count(DISTINCT date_trunc('hour', x.first_seen)) AS hours
FROM exchanges x JOIN counted c ON c.hash = {account}
WHERE x.first_seen IS NOT NULL AND x.exchanges > 0 GROUP BY 1, 2
"""


def count_measures(incidence: Incidence, accounts: NDArray[np.intp]) -> Measures:
    """Count what tells extraction from ordinary use.

    Args:
        incidence: its engine has ``traits``, ``exchanges``, ``sightings`` and ``accounts``.
        accounts: numbers of those to measure.
    """
    engine, known = incidence.sightings.engine, incidence.accounts.take(pa.array(accounts))
    chosen = pa.table(
        {"account": accounts.astype(np.int32), "place": np.arange(len(accounts), dtype=np.int32)}
    )
    engine.load("chosen", chosen)
    engine.create("counted", "SELECT c.place, a.hash FROM chosen c JOIN accounts a ON a.account = c.account")
    parts = {
        "account": engine.hash("account_id"), "value": engine.hash("value"), "template": literal(TEMPLATE),
    }  # fmt: skip
    holders = engine.fetch(_HOLDERS.format(**parts))
    total, effective = count_effective(len(accounts), holders)
    measures = Measures(
        traits=_fetch_traits(engine, _TRAITS.format(**parts), len(accounts)),
        template_exchanges=total,
        templates=effective,
        hours=_fetch_hours(engine, _HOURS.format(**parts), len(accounts)),
        **{name: known[name].to_numpy() for name in ("input_tokens", "output_tokens", "exchanges")},
    )
    engine.drop("counted")
    engine.drop("chosen")
    return measures


def _fetch_traits(engine: Engine, query: str, accounts: int) -> dict[str, NDArray[np.int64]]:
    found = engine.fetch(query)
    place = found["place"].to_numpy()
    columns = {}
    for name in (*_MEASURED, "known", "alone"):
        columns[name] = np.zeros(accounts, np.int64)
        columns[name][place] = found[name].to_numpy()
    return columns


def _fetch_hours(engine: Engine, query: str, accounts: int) -> NDArray[np.int64]:
    found = engine.fetch(query)
    hours = np.zeros((accounts, 24), np.int64)
    hours[found["place"].to_numpy(), found["hour"].to_numpy()] = found["hours"].to_numpy()
    return hours
