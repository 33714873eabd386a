"""The incidence itself as artefacts, so that a run can answer for every account and signal of its input.

From ``accounts``, ``signals`` and ``incidence`` the evidence of any pair of accounts, and of any account for
any cluster, can be reckoned again without the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from clustergraph.artefacts.schema import ACCOUNTS, INCIDENCE, SIGNALS, fill_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clustergraph.incidence.links import Incidence
    from clustergraph.incidence.uses import Uses

# In the order of their numbers; `signal_values` has the strings.
_SIGNALS = """
SELECT k.kind, v.value, s.accounts
FROM signals s
JOIN kinds k ON k.kind_number = s.kind_number
JOIN signal_values v ON v.signal = s.signal
ORDER BY s.signal
"""
_UNCOUNTED = "SELECT signal, account FROM links WHERE signal >= {counted} ORDER BY signal, account"


def accounts_table(incidence: Incidence, labels: NDArray[np.int32], ids: Sequence[str]) -> pa.Table:
    """Make ``accounts.parquet``: a row per account of the input, by id.

    Args:
        incidence: what was analysed.
        labels: cluster of each account, -1 for none.
        ids: of the clusters.
    """
    accounts = incidence.accounts
    slots = incidence.graph.strata.slots_by_kind(accounts.num_rows)
    # A kind that no account has a counted signal of may have no stratum.
    wide = np.zeros((accounts.num_rows, len(incidence.sightings.kinds)), np.int32)
    wide[:, : slots.shape[1]] = slots
    offsets = np.arange(0, wide.size + 1, max(wide.shape[1], 1), dtype=np.int32)
    columns: dict[str, Any] = {
        "account_id": accounts["account_id"],
        "cluster_id": pa.array(ids, pa.string()).take(pa.array(labels, mask=labels < 0)),
        **{name: accounts[name] for name in ("exchanges", "first_seen", "last_seen")},
        "slots": pa.ListArray.from_arrays(pa.array(offsets), pa.array(wide.reshape(-1))),
    }
    return fill_schema(ACCOUNTS, columns, accounts.num_rows)


def signals_table(incidence: Incidence, unnatural: NDArray[np.int32]) -> pa.Table:
    """Make ``signals.parquet``: a row per signal that at least two accounts have, by number.

    Args:
        incidence: what was analysed; its engine has ``signal_values`` (signal, value).
        unnatural: numbers of signals that more accounts have than is natural.
    """
    found, graph = incidence.sightings.engine.fetch(_SIGNALS), incidence.graph
    cells, cell = graph.cells, graph.signal_cell
    stratum = cells.stratum[cell]
    flags = np.zeros(found.num_rows, bool)
    flags[unnatural] = True

    def pad(values: NDArray[Any]) -> pa.Array:
        """Add what does not count at the end, as null."""
        known = pa.array(values)
        return pa.concat_arrays([known, pa.nulls(found.num_rows - len(cell), known.type)])

    weight = np.zeros(found.num_rows)
    weight[: len(cell)] = cells.weight[cell]
    columns: dict[str, Any] = {
        **{name: found[name] for name in found.column_names},
        "stratum": pad(stratum),
        "stratum_slots": pad(graph.strata.total[stratum]),
        "cell": pad(cell),
        "chance": pad(cells.rate[cell]),
        "weight": weight,
        "unnatural": flags,
    }
    return fill_schema(SIGNALS, columns, found.num_rows)


def incidence_table(incidence: Incidence) -> pa.Table:
    """Make ``incidence.parquet``: a row per account and shared signal, by signal and account."""
    graph = incidence.graph
    counted = len(graph.signal_cell)
    _, holders = graph.holders
    signal = np.repeat(np.arange(counted, dtype=np.int32), graph.signal_degree)
    columns = {"signal": signal, "account": holders, "slots": graph.list_holder_slots()}
    if graph.uses:
        columns["times"] = _list_times(
            graph.uses, graph.strata.kind[graph.cells.stratum[graph.signal_cell]][signal]
        )
    table = fill_schema(INCIDENCE, columns, len(holders))
    if counted == incidence.signals.num_rows:
        return table
    # Known hubs that count nothing have no slots, but who has them can be asked for.
    others = incidence.sightings.engine.fetch(_UNCOUNTED.format(counted=counted))
    rest = fill_schema(INCIDENCE, {name: others[name] for name in others.column_names}, others.num_rows)
    return pa.concat_tables([table, rest]).combine_chunks()


def _list_times(uses: Uses, kind: NDArray[np.int32]) -> pa.Array:
    """List the times of each slot, null where its kind (a number a slot) has no window."""
    times = pa.array(uses.time, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    return pa.ListArray.from_arrays(
        pa.array(uses.start.astype(np.int32)), times, mask=pa.array(uses.window[kind] < 0)
    )
