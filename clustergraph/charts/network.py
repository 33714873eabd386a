"""The graph of a cluster's accounts and the signals that they share, laid out to be drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clustergraph.charts.labels import TOOLTIP, shorten
from clustergraph.charts.ordering import space_evenly
from clustergraph.charts.signals import describe_signals, find_links, sort_members, sort_signals
from clustergraph.communities.leiden import lay_out

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Cluster

    Links = tuple[NDArray[np.int64], NDArray[np.int64]]

MOST_NODES, MOST_EDGES = 1_000, 4_000
_SIGNALS = 0.3  # of the nodes, where there are too many of both
_LESS = 0.9


@dataclass(frozen=True)
class SignalGraph:
    """A graph of accounts and signals with a place for every node; all text is printable and short.

    Attributes:
        cluster_id: the cluster that it is of.
        nodes: each with ``id`` (``a0``, ... for accounts and ``s0``, ... for signals), ``type`` (``account``
            or ``signal``), ``x`` and ``y`` in -1..1 (y upwards) and ``name``; accounts also with
            ``exchanges``, ``bits`` and ``confidence``, signals with ``kind``, ``value``, ``family``,
            ``accounts``, ``accounts_everywhere`` and ``bits``.
        edges: each with ``source`` (of an account) and ``target`` (of a signal that it has).
        note: what is left out and by which rule, in words; empty where nothing is.
    """

    cluster_id: str
    nodes: tuple[dict[str, Any], ...]
    edges: tuple[dict[str, str], ...]
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self)


def lay_out_graph(cluster: Cluster, *, nodes: int = MOST_NODES, edges: int = MOST_EDGES) -> SignalGraph:
    """Lay out the graph of a cluster's accounts and the signals that at least two of them share.

    Where there are more than ``nodes`` or ``edges``, what is shown is the strongest signals (up to three in
    ten nodes) and accounts evenly spaced in the order of their evidence, fewer of both until there are few
    enough edges; signals that fewer than two of these accounts have, and accounts without any of these
    signals, are left out. The note says so.

    Args:
        cluster: of a run.
        nodes: most accounts and signals.
        edges: most links between them.
    """
    members, signals = sort_members(cluster), sort_signals(cluster)
    links = find_links(cluster, members["account_id"], signals)
    kept_members, kept_signals = _choose(links, len(members), len(signals), nodes, edges)
    account, signal = _renumber(links, kept_members, kept_signals)
    place = lay_out(len(kept_members) + len(kept_signals), account, signal + len(kept_members))
    described = [
        *_describe_accounts(members.iloc[kept_members]),
        *({"id": f"s{i}", "type": "signal", "name": f"{one['kind']} {one['value']}", **one}
          for i, one in enumerate(describe_signals(signals.iloc[kept_signals]))),
    ]  # fmt: skip
    for node, (x, y) in zip(described, place.round(4).tolist(), strict=True):
        node |= {"x": x, "y": y}
    return SignalGraph(
        cluster.cluster_id,
        tuple(described),
        tuple({"source": f"a{a}", "target": f"s{s}"} for a, s in zip(account, signal, strict=True)),
        _say_left_out(len(kept_members), len(members), len(kept_signals), len(signals)),
    )


def _choose(
    links: Links, accounts: int, signals: int, nodes: int, edges: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the accounts and signals to show, by their places."""
    account, signal = links
    if accounts + signals <= nodes and len(account) <= edges:
        return np.arange(accounts), np.arange(signals)
    of_signals = min(signals, int(nodes * _SIGNALS))
    of_accounts = min(accounts, nodes - of_signals)
    of_signals = min(signals, nodes - of_accounts)
    while True:
        some = np.isin(account, space_evenly(accounts, of_accounts)) & (signal < of_signals)
        shared = some & (np.bincount(signal[some], minlength=signals)[signal] >= 2)
        if shared.sum() <= edges:
            return np.unique(account[shared]), np.unique(signal[shared])
        of_accounts, of_signals = int(of_accounts * _LESS), max(int(of_signals * _LESS), 1)


def _renumber(links: Links, accounts: NDArray[np.int64], signals: NDArray[np.int64]) -> Links:
    """Keep the links between what is shown, by their places among it."""
    account, signal = links
    kept = np.isin(account, accounts) & np.isin(signal, signals)
    return np.searchsorted(accounts, account[kept]), np.searchsorted(signals, signal[kept])


def _describe_accounts(members: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "id": f"a{number}", "type": "account", "name": shorten(row["account_id"], TOOLTIP),
            "exchanges": row["exchanges"], "bits": round(row["bits"], 3),
            "confidence": round(row["confidence"], 4),
        }
        for number, row in enumerate(members.to_dict("records"))
    ]  # fmt: skip


def _say_left_out(accounts: int, all_accounts: int, signals: int, all_signals: int) -> str:
    if (accounts, signals) == (all_accounts, all_signals):
        return ""
    return (
        f"Shown are {accounts:,} of {all_accounts:,} accounts, evenly spaced in the order of their evidence, "
        f"and {signals:,} of {all_signals:,} signals, the strongest that at least two of them have."
    )
