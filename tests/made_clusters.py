"""Clusters made by hand among a crowd of ordinary accounts, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from clustergraph.clusters.attribution import Attribution
from clustergraph.clusters.facts import gather_facts
from clustergraph.clusters.grouping import Groups
from clustergraph.clusters.legitimacy import Explained, explain_sharing
from clustergraph.clusters.sharing import find_holdings
from tests.graphs import link_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from clustergraph.engines.duckdb import DuckDBEngine

FAMILIES = {"card": "payment", "device": "device", "ip": "network", "template": "content"}
DAY = 86_400
CROWD = 600
YEARS = 730


def people_volumes(size: int, times: float = 1.0) -> np.ndarray:
    """Volumes spread as those of the crowd are, around 15 exchanges."""
    return times * 15.0 * np.exp(norm.ppf((np.arange(size) + 0.5) / size))


def spread_days(size: int) -> np.ndarray:
    """Days of two years, evenly spread, in an order that has nothing to do with volumes."""
    return (np.arange(size) * 0.618 % 1.0) * YEARS


@dataclass
class Made:
    """Rows of sightings, and what is known of each account.

    Attributes:
        rows: account, kind and value.
        volume: exchanges by account.
        cluster: number by account; who is not in it is in no cluster.
        organization: by account.
        day: of creation, by account.
    """

    rows: list[tuple[str, str, str]] = field(default_factory=list)
    volume: dict[str, float] = field(default_factory=dict)
    cluster: dict[str, int] = field(default_factory=dict)
    organization: dict[str, str] = field(default_factory=dict)
    day: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        name: str,
        size: int,
        *,
        cluster: int | None = None,
        volumes: np.ndarray | float = 1.0,
        days: np.ndarray | None = None,
        organization: str | Callable[[int], str | None] | None = None,
        **shared: int | str | None,
    ) -> None:
        """Add accounts.

        Args:
            name: what their ids begin with.
            size: how many.
            cluster: that they are in.
            volumes: of each, or how many times those of people.
            days: of creation, of each; spread over two years if not given.
            organization: of all, or of each by its number.
            shared: kind -> how many accounts in a row have one signal in common (1: nobody shares it), the
                one signal that all have, or None if it is not on record. Not given is 1.
        """
        given = people_volumes(size, volumes) if isinstance(volumes, float) else volumes
        dates = spread_days(size) if days is None else days
        for number in range(size):
            account = f"{name}{number:04d}"
            for kind in FAMILIES:
                how = shared.get(kind, 1)
                if how is not None:
                    value = how if isinstance(how, str) else f"{name}/{number // how}"
                    self.rows.append((account, kind, value))
            self.volume[account], self.day[account] = float(given[number]), float(dates[number])
            own = organization(number) if callable(organization) else organization
            if own is not None:
                self.organization[account] = own
            if cluster is not None:
                self.cluster[account] = cluster

    def accounts(self) -> pa.Table:
        """What a table of accounts says."""
        ids = sorted(self.volume)
        times = [round(self.day[account] * DAY) * 1_000_000 for account in ids]
        return pa.table(
            {
                "account_id": pa.array(ids),
                "created_at": pa.array(times, pa.int64()).cast(pa.timestamp("us")),
                "organization_id": pa.array([self.organization.get(account) for account in ids], pa.string()),
            }
        )


def crowd(**known: Any) -> Made:
    """Ordinary accounts that share nothing, in no cluster."""
    made = Made()
    made.add("crowd", CROWD, **known)
    return made


def organizations(made: Made, count: int = 12, size: int = 12, times: float = 4.0) -> None:
    """Add verified organisations in no cluster, with volumes of several times people's."""
    for number in range(count):
        made.add(f"org{number:02d}-", size, organization=f"org-{number:02d}", volumes=times)


def judge(
    made: Made,
    engine: DuckDBEngine,
    *,
    known: bool = True,
    accounts: pa.Table | None = None,
    families: dict[str, str] | None = None,
) -> Explained:
    """Explain the clusters; every signal that members share is worth ten bits a holder.

    Args:
        made: everything.
        engine: to link with.
        known: whether there is a table of accounts.
        accounts: the table, if it is not that of ``made``.
        families: other families of the kinds.
    """
    incidence = link_rows(made.rows, engine)
    incidence.sightings.families = families or FAMILIES  # type: ignore[misc]
    ids = incidence.accounts["account_id"].to_pylist()
    labels = np.array([made.cluster.get(account, -1) for account in ids], np.int32)
    volume = np.array([made.volume[account] for account in ids])
    count = int(labels.max(initial=-1)) + 1
    holdings = find_holdings(incidence, Groups.from_labels(labels, count))
    attribution = Attribution(
        holdings.cluster.astype(np.int32), holdings.signal.astype(np.int32), 10.0 * holdings.holders
    )
    ties = SimpleNamespace(incidence=incidence)
    membership: Any = SimpleNamespace(ties=ties, labels=labels, clusters=count)
    table = accounts if accounts is not None else made.accounts() if known else None
    return explain_sharing(gather_facts(membership, attribution, volume, table))
