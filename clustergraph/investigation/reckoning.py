"""Reckon what holds a cluster together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from clustergraph.communities.blocks import load_search
from clustergraph.investigation.breaking import find_breaking
from clustergraph.investigation.counterfactual import Standing
from clustergraph.investigation.coverage import cover_families, measure_together
from clustergraph.investigation.holding import Bridge, Holding, name_breaking, name_removal
from clustergraph.investigation.world import open_world

if TYPE_CHECKING:
    from concurrent.futures import Future

    import pyarrow as pa

    from clustergraph.artefacts.runs import Run
    from clustergraph.investigation.world import World

_BRIDGES = 10


def find_holding(
    run: Run, cluster: int, evidence: pa.Table, *, signals: int,
    ties: pa.Table | Future[pa.Table] | None = None, threads: int | None = None,
) -> Holding:  # fmt: skip
    """Find what becomes of a cluster without its strongest signals, its bridges, and what is missing.

    Args:
        run: that it is of.
        cluster: its rank less 1.
        evidence: its rows of ``evidence``, the strongest first.
        signals: most signals to think the cluster without.
        ties: as :class:`clustergraph.investigation.counterfactual.Standing` takes them.
        threads: processors to use, all if None.

    Raises:
        UsageError: the run does not say with what it was reckoned.
    """
    world = _open_world(run)
    standing = Standing(world, cluster, ties, threads)
    excerpt = standing.excerpt
    known = dict(zip(world.name(excerpt.signals), excerpt.signals.tolist(), strict=True))
    shared = list(zip(evidence["kind"].to_pylist(), evidence["value"].to_pylist(), strict=True))
    names = {known[one]: one for one in shared if one in known}
    singles = standing.without_each([known[one] for one in shared[:signals] if one in known])
    bridges = standing.find_bridges()
    return Holding(
        removals=tuple(name_removal(one, names) for one in singles),
        breaking=name_breaking(find_breaking(standing, list(names), singles), names),
        bridges=tuple(
            Bridge(world.account_id[int(excerpt.accounts[one.vertex])].as_py(), one.parts, one.apart)
            for one in bridges[:_BRIDGES]
        ),
        bridges_in_all=len(bridges),
        tied=standing.count_tied(),
        coverage=cover_families(world, excerpt, evidence),
        together=measure_together(world, excerpt),
    )


def _open_world(run: Run) -> World:
    """Read the world while compiled code is loaded."""
    with ThreadPoolExecutor(1) as pool:
        world = pool.submit(open_world, run)
        load_search()
        return world.result()
