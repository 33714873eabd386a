"""The page of one cluster: its members, evidence, history and pictures, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from clustergraph.investigation.explanation import list_parts
from clustergraph.investigation.wording import list_wordings
from clustergraph.report.holding import tell_holding
from clustergraph.report.limits import cut
from clustergraph.report.listing import order_evidence
from clustergraph.report.pictures import picture_cluster, picture_graph

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from clustergraph.artefacts.runs import Cluster, Run
    from clustergraph.report.limits import Limits
    from clustergraph.upkeep.history import Life

_MEMBER = (
    "account_id", "exchanges", "input_tokens", "output_tokens", "extraction_volume", "extraction_score",
    "ties", "bits", "confidence",
)  # fmt: skip
_WORDINGS = 10
_SIGNAL = ("kind", "value", "family", "accounts", "accounts_everywhere", "bits")


@dataclass(frozen=True)
class Material:
    """All that a page is made of; what does not depend on limits is made once.

    Attributes:
        run: with all its clusters.
        cluster: of a run of its own, in which its rows need not be looked for among those of all others.
        ties: inside the cluster.
        life: the nights up to this one, None where there are none.
        regrowth: its rows of ``regrowth``.
    """

    run: Run
    cluster: Cluster
    ties: pa.Table
    life: Life | None = None
    regrowth: Sequence[Mapping[str, Any]] = ()

    @cached_property
    def holding(self) -> dict[str, Any] | None:
        """What holds it together."""
        return tell_holding(self.run, self.cluster.cluster_id, self.ties)

    @cached_property
    def charts(self) -> list[dict[str, Any]]:
        """Its charts."""
        return picture_cluster(self.cluster)


def make_page(material: Material, limits: Limits) -> dict[str, Any]:
    """Make the page of a cluster, within limits.

    Returns:
        ``members`` and ``evidence`` as columns; ``bits``, the evidence of all signals; ``wordings``, what
        they ask; ``extraction``, parts of its score; ``life`` and ``regrowth`` as rows; and how many rows
        there are in all: ``members_in_all``, ``signals_in_all``,
        ``nights_in_all``, ``regrowth_in_all``. ``holding`` is as
        :mod:`clustergraph.report.holding` tells it, ``charts`` and ``graph`` as
        :mod:`clustergraph.report.pictures` draws them.
    """
    cluster = material.cluster
    members, evidence, activity = (cluster.table(name) for name in ("members", "evidence", "activity"))
    evidence = order_evidence(evidence)
    wordings = list_wordings(material.run, evidence, min(limits.signals, _WORDINGS))
    return {
        "members": _columns(_with_times(_surest(members, limits.members), activity)),
        "members_in_all": members.num_rows,
        "evidence": _columns(evidence.slice(0, limits.signals).select(list(_SIGNAL))),
        "signals_in_all": evidence.num_rows,
        "wordings": [asdict(one) for one in wordings],
        "bits": pc.sum(evidence["bits"], min_count=0).as_py(),
        "extraction": [asdict(one) for one in list_parts(cluster.row, material.run.manifest)],
        "life": _tell_life(material.life, limits.nights),
        "nights_in_all": len(material.life.stages) if material.life else 0,
        "regrowth": [_say_newcomer(row) for row in material.regrowth[: limits.newcomers]],
        "regrowth_in_all": len(material.regrowth),
        "holding": material.holding,
        "charts": material.charts,
        "graph": picture_graph(cluster, limits.nodes),
    }


def _tell_life(life: Life | None, nights: int) -> list[dict[str, Any]]:
    """Give a row a night, with the short ids of the other clusters that members came from or went into."""
    if life is None:
        return []
    rows = []
    for stage in life.stages[-nights:]:
        row = asdict(stage)
        kin = {
            name: [life.short[one] for one in row.pop(name) if one != life.cluster_id]
            for name in ("from_ids", "into_ids")
        }
        rows.append(row | kin)
    return rows


def _surest(members: pa.Table, count: int) -> pa.Table:
    """Give the members with most evidence, and of a cut list the least certain ones with them."""
    order = [("bits", "descending"), ("account_id", "ascending")]
    if members.num_rows <= count:
        return members.sort_by(order)
    doubtful = members.sort_by([("confidence", "ascending"), *order]).slice(0, count // 4)
    others = members.sort_by(order)
    chosen = pc.is_in(others["account_id"], value_set=doubtful["account_id"].combine_chunks())
    room = pc.cumulative_sum(pc.cast(pc.invert(chosen), "int64"))
    kept = pc.or_(chosen, pc.less_equal(room, count - doubtful.num_rows))
    return others.filter(kept)


def _with_times(members: pa.Table, activity: pa.Table) -> pa.Table:
    """Add when each member was first and last active; to the hour, null where it is not known."""
    seen = activity.group_by("account_id").aggregate([("hour", "min"), ("hour", "max")])
    row = pc.index_in(members["account_id"], value_set=seen["account_id"].combine_chunks())
    first, last = (seen[f"hour_{end}"].combine_chunks().take(row) for end in ("min", "max"))
    return members.select(list(_MEMBER)).append_column("first_hour", first).append_column("last_hour", last)


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    found = {}
    for name in table.column_names:
        values = table[name].to_pylist()
        found[name] = [_short(value) for value in values]
    return found


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return cut(value)
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _say_newcomer(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "account_id": cut(row["account_id"]),
        "bits": row["bits"],
        "evidence": [cut(one) for one in row["evidence"] or ()],
        "nights_since_ban": row["nights_since_ban"],
    }
