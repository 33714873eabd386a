"""How many accounts groups and clusters have in common: all that agreement is measured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from clustergraph.errors import InputError
from clustergraph.scoring.labels import TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Run
    from clustergraph.scoring.truth import Truth


@dataclass(frozen=True, eq=False)
class Overlaps:
    """The groups and clusters that have accounts in common, by group and then by cluster.

    Attributes:
        group: place of the group.
        cluster: place of the cluster.
        accounts: how many accounts are in both, 1 or more.
        group_sizes: accounts of each group, clustered or not.
        cluster_sizes: accounts of each cluster, in a group or not.
    """

    group: NDArray[np.int64]
    cluster: NDArray[np.int64]
    accounts: NDArray[np.int64]
    group_sizes: NDArray[np.int64]
    cluster_sizes: NDArray[np.int64]

    @property
    def grouped_sizes(self) -> NDArray[np.int64]:
        """Accounts of each cluster that are in a group."""
        sizes = np.zeros(len(self.cluster_sizes), np.int64)
        np.add.at(sizes, self.cluster, self.accounts)
        return sizes

    @property
    def unclustered(self) -> NDArray[np.int64]:
        """Accounts of each group that are in no cluster."""
        left = self.group_sizes.copy()
        np.subtract.at(left, self.group, self.accounts)
        return left


def count_overlaps(
    group: NDArray[np.int64], cluster: NDArray[np.int64], groups: int, cluster_sizes: NDArray[np.int64]
) -> Overlaps:
    """Count the accounts that groups and clusters have in common.

    Args:
        group: place of each account's group, -1 in none.
        cluster: place of its cluster, -1 in none.
        groups: how many groups there are.
        cluster_sizes: accounts of each cluster, those that are not among these included.
    """
    clusters = max(len(cluster_sizes), 1)
    both = (group >= 0) & (cluster >= 0)
    cells, accounts = np.unique(group[both] * clusters + cluster[both], return_counts=True)
    sizes = np.bincount(group[group >= 0], minlength=groups)
    return Overlaps(cells // clusters, cells % clusters, accounts, sizes, cluster_sizes)


@dataclass(frozen=True, eq=False)
class Standing:
    """Where the accounts of a truth stand in a run.

    Attributes:
        cluster: place of each account's cluster in the ranking, from 0; -1 in none.
        sizes: accounts of each cluster.
        unlisted: accounts of each cluster that the truth does not list.
    """

    cluster: NDArray[np.int64]
    sizes: NDArray[np.int64]
    unlisted: NDArray[np.int64]


def place_accounts(truth: Truth, run: Run) -> Standing:
    """Look the members of a run up in the truth.

    Raises:
        InputError: a member is of a cluster that the run does not have.
    """
    ids, members = run.clusters["cluster_id"], run.members
    cluster = pc.index_in(members["cluster_id"], value_set=ids.combine_chunks())
    if cluster.null_count:
        stray = members["cluster_id"].filter(pc.is_null(cluster))[0].as_py()
        raise InputError(f"{run.directory}: clusters.parquet lacks {stray!r}, which members.parquet has")
    of_member = cluster.to_numpy().astype(np.int64)
    account = pc.index_in(members["account_id"].cast(TEXT), value_set=truth.accounts).fill_null(-1).to_numpy()
    listed = account >= 0
    found = np.full(len(truth.accounts), -1, np.int64)
    found[account[listed]] = of_member[listed]
    count = len(ids)
    sizes, strangers = (np.bincount(one, minlength=count) for one in (of_member, of_member[~listed]))
    return Standing(found, sizes, strangers)
