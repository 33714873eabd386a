"""What holds a cluster together, against running the pipeline over the input without the signal."""

from __future__ import annotations

from collections import Counter
from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

import clustergraph as cg
from clustergraph.investigation.breaking import find_breaking
from clustergraph.investigation.counterfactual import Standing
from clustergraph.investigation.world import open_world
from tests import planted_world as planted

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.investigation.counterfactual import Without
    from clustergraph.investigation.world import World

LONE = ("payment_fingerprint", "lone card")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def run(folder: Path) -> cg.Run:
    return cg.run(planted.write(planted.all_rows(), folder / "all.parquet"), out=folder / "run")


def world_of(run: cg.Run) -> World:
    return open_world(run)


def cluster_of(run: cg.Run, account: str) -> int:
    members = dict(
        zip(*(run.members[name].to_pylist() for name in ("account_id", "cluster_id")), strict=True)
    )
    return run.cluster(members[account]).row["rank"]


def number_of(world: World, signal: tuple[str, str]) -> int:
    found = [int(one) for one in world.find_value(signal[1]) if world.kinds[world.kind[one]] == signal[0]]
    assert len(found) == 1
    return found[0]


def from_scratch(folder: Path, members: set[str], gone: set[tuple[str, str]]) -> tuple[list[int], int]:
    """Sizes of the parts that members come in where the input lacks some signals, and how many in none."""
    again = cg.run(planted.write(planted.all_rows(), folder / "without.parquet", gone))
    found = again.members.to_pandas()
    found = found[found["account_id"].isin(members)]
    return sorted(Counter(found["cluster_id"]).values(), reverse=True), len(members) - len(found)


@pytest.mark.parametrize(
    ("account", "gone", "expected"),
    [
        ("left-00", [planted.CARD], ([10, 8], 0)),
        ("left-00", [("ip", "left exit")], ([18], 0)),
        ("left-00", [planted.CARD, ("device_id", "left device 0"), ("ip", "right exit")], ([10, 8], 0)),
        ("card-only-00", [LONE], ([], 40)),
        ("card-only-00", [("ip", "exit-7")], ([40], 0)),
        ("ring-00", [("ip", "ring exit 0")], ([12], 0)),
        (
            "ring-00",
            [
                *(("ip", f"ring exit {one}") for one in range(3)),
                *(("prompt_template", f"ring template {one}") for one in range(3)),
                ("payment_fingerprint", "ring card 0"),
            ],
            None,
        ),
    ],
)
def test_it_agrees_with_running_without_the_signals(
    run: cg.Run,
    folder: Path,
    account: str,
    gone: list[tuple[str, str]],
    expected: tuple[list[int], int] | None,
) -> None:
    world = world_of(run)
    rank = cluster_of(run, account)
    found = Standing(world, rank - 1).without([number_of(world, one) for one in gone])
    members = set(run.cluster(rank).members["account_id"])
    scratch = from_scratch(folder, members, set(gone))
    assert (list(found.parts), found.lost) == scratch
    if expected is not None:
        assert scratch == expected


def test_without_nothing_it_is_as_it_was(run: cg.Run) -> None:
    world = world_of(run)
    for cluster in range(run.clusters.num_rows):
        standing = Standing(world, cluster)
        assert standing.without([]).outcome == "whole"
        inside = run.cluster(cluster + 1).ties
        assert standing.without([]).ties == len(standing.ties) == len(inside)


def test_evidence_without_a_signal_is_that_of_an_input_without_it(run: cg.Run, folder: Path) -> None:
    """Chance, slots and degrees are those of the smaller world, to the last bit."""
    world = world_of(run)
    gone = ("ip", "ring exit 0")
    excerpt = Standing(world, cluster_of(run, "ring-00") - 1).excerpt.without(
        np.array([number_of(world, gone)], np.int32)
    )
    rows = planted.all_rows()
    thresholds = {"project": {"tie_bits": world.tie_bits, "member_bits": world.member_bits}}
    again = world_of(cg.run(planted.write(rows, folder / "one.parquet", {gone}), config=thresholds))
    other = Standing(again, cluster_of(again.run, "ring-00") - 1).excerpt
    assert world.account_id.take(excerpt.accounts) == again.account_id.take(other.accounts)
    for mine, theirs in zip(chain(*signals_of(excerpt)), chain(*signals_of(other)), strict=True):
        assert mine == theirs
    for name in ("stratum_slots", "kind_slots"):
        mine, theirs = getattr(excerpt.background, name), getattr(other.background, name)
        assert mine.tolist() == theirs.tolist()
    assert (excerpt.background.account_slots == other.background.account_slots).all()


def signals_of(excerpt):
    """For each account: names of its signals with slots, degree and chance, sorted."""
    graph, world = excerpt.graph, excerpt.world
    for account in range(excerpt.size):
        row = slice(graph.indptr[account], graph.indptr[account + 1])
        names = world.name(excerpt.signals[graph.indices[row]])
        figures = zip(
            names, graph.slots[row].tolist(), graph.signal_degree[graph.indices[row]].tolist(),
            graph.cells.rate[graph.signal_cell[graph.indices[row]]].tolist(), strict=True,
        )  # fmt: skip
        yield sorted(figures)


def test_the_breaking_set_is_the_smallest(run: cg.Run) -> None:
    """Against trying every set, in a cluster with few signals."""
    world = world_of(run)
    rank = cluster_of(run, "ring-00")
    standing = Standing(world, rank - 1)
    shared = np.bincount(standing.excerpt.link_signal) > 1
    signals = standing.excerpt.signals[shared].tolist()
    assert len(signals) == 11
    broken = (
        size
        for size in range(1, 7)
        if any(standing.without(chosen).broken for chosen in combinations(signals, size))
    )
    smallest = next(broken)
    found = find_breaking(standing, signals, [standing.without([one]) for one in signals])
    assert found.without is not None
    assert found.without.broken
    assert found.at_least <= smallest <= len(found.without.signals)
    if found.exact:
        assert len(found.without.signals) == smallest
    for one in found.without.signals:  # nothing in it is there for nothing
        rest = [other for other in found.without.signals if other != one]
        assert not standing.without(rest).broken


def test_one_signal_that_holds_everything_is_the_smallest_set(run: cg.Run) -> None:
    found = cg.explain(run, cluster_of(run, "left-00")).breaking
    assert found.removal is not None
    assert found.exact
    assert found.removal.signals == (planted.CARD,)
    lone = cg.explain(run, cluster_of(run, "card-only-00"))
    assert [one.outcome for one in lone.removals] == ["dissolved"]


def test_each_is_as_alone(run: cg.Run) -> None:
    world = world_of(run)
    standing = Standing(world, cluster_of(run, "left-00") - 1)
    signals = standing.excerpt.signals.tolist()[:8]
    alone: list[Without] = [standing.without([one]) for one in signals]
    assert standing.without_each(signals) == alone


def test_cells_of_one_operation_stay_joined(tmp_path: Path) -> None:
    """What only the second pass joins is one cluster; without what joins it, there are as many as cells."""
    rows = planted.people(np.random.default_rng(3))
    for cell in range(6):
        for number in range(6):
            name = f"cell-{cell}-{number}"
            rows.append((name, "payment_fingerprint", f"cell card {cell}"))
            rows.append((name, "ip", f"cell exit {cell}"))
            rows.append((name, "device_id", f"cell device {cell}"))
            if number < 2:
                rows += [(name, "prompt_template", f"common {one}") for one in range(6)]
    run = cg.run(planted.write(rows, tmp_path / "cells.parquet"))
    rank = cluster_of(run, "cell-0-0")
    assert run.cluster(rank).row["accounts"] == 36
    world = world_of(run)
    standing = Standing(world, rank - 1)
    assert standing.without([]).outcome == "whole"
    common = [number_of(world, ("prompt_template", f"common {one}")) for one in range(6)]
    assert standing.without(common[:1]).outcome == "whole"
    assert standing.without(common).parts == (6,) * 6
