"""The shared signals of a cluster, strongest first, as charts tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clustergraph.charts.labels import TOOLTIP, shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Cluster


def name_cluster(cluster: Cluster) -> str:
    """Name a cluster in a sentence."""
    return f"Cluster {shorten(cluster.cluster_id, 20)}"


def sort_signals(cluster: Cluster) -> pd.DataFrame:
    """Give a cluster's rows of ``evidence``, strongest first."""
    order = ["bits", "kind", "value"]
    return cluster.evidence.sort_values(order, ascending=[False, True, True], ignore_index=True)


def sort_members(cluster: Cluster) -> pd.DataFrame:
    """Give a cluster's rows of ``members``, those with most evidence first."""
    return cluster.members.sort_values(["bits", "account_id"], ascending=[False, True], ignore_index=True)


def describe_signals(signals: pd.DataFrame) -> list[dict[str, Any]]:
    """Give what is to say of each signal as plain values; its text is printable and short."""
    return [
        {
            "kind": shorten(row["kind"], TOOLTIP), "value": shorten(row["value"], TOOLTIP),
            "family": shorten(row["family"], TOOLTIP), "accounts": row["accounts"],
            "accounts_everywhere": row["accounts_everywhere"], "bits": round(row["bits"], 3),
        }
        for row in signals.to_dict("records")
    ]  # fmt: skip


def find_links(
    cluster: Cluster, accounts: pd.Series[str], signals: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find which of some accounts has which of some signals.

    Args:
        cluster: that they are of.
        accounts: account ids.
        signals: ``kind`` and ``value``.

    Returns:
        Places of account and signal of each link, parallel, by account and signal.
    """
    account = pd.Index(accounts).get_indexer(pd.Index(cluster.links["account_id"]))
    names, key = pd.MultiIndex.from_frame, ["kind", "value"]
    signal = names(signals[key]).get_indexer(names(cluster.links[key]))
    known = (account >= 0) & (signal >= 0)
    ends = np.unique(np.stack([account[known], signal[known]]), axis=1).astype(np.int64)
    return ends[0], ends[1]
