"""What operators do to be overlooked: a proxy network with customers, cells, one card; and nobody at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.markdown import Table, share
from tests.evaluate.judging import f1_of
from tests.evaluate.setting import EVASIONS, Bound, Setting, bounds_table, yes
from tests.evaluate.trials import find_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.evaluate.outcome import Outcome
    from tests.evaluate.trials import Trials

BEHIND_ONE_PROXY = ("campaign-hydra", "campaign-twin")
LEAST_PROXY_F1, MOST_Q = 0.9, 0.05
LEGITIMATE = ("household", "club", "reseller", "enterprise", "university")
CELLS, OPERATION = 1_000, "operation-cells"
WITHOUT_SECOND_PASS: dict[str, dict[str, Any]] = {"partition": {"second_pass": False}}
LONE, LONE_WORLD = 40, 50_000


def proxy(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Tell two campaigns and unrelated customers behind one proxy network apart."""
    rows, f1s, strangers = [], [], []
    for evasion in EVASIONS:
        for seed in setting.seeds:
            world = {"accounts": setting.size(), "evasion": evasion, "seed": seed, "shared_proxy": True}
            outcome = trials.run(world)
            both = [outcome.groups[name] for name in BEHIND_ONE_PROXY]
            apart = len({one.rank for one in both}) == len(both)
            customers = outcome.members[outcome.members["cohort"] == "proxy_customer"]
            inside = int(customers["rank"].isin([one.rank for one in both]).sum())
            figures = [figure for one in both for figure in (share(f1_of(one)), str(one.rank or "-"))]
            counts = (f"{inside:,}", f"{len(customers):,}")
            rows.append((f"evasion {evasion}, seed {seed}", *figures, yes(apart), *counts))
            f1s.append(min(map(f1_of, both)) if apart else 0.0)
            strangers.append(inside)
    names = [name.removeprefix("campaign-") for name in BEHIND_ONE_PROXY]
    header = [word for name in names for word in (f"{name}: F1", "rank")]
    title = f"Two campaigns behind one proxy network, {setting.size():,} accounts"
    yield Table(title, ("world", *header, "apart", "customers in either", "customers in any cluster"), rows)
    whole = f"two clusters with F1 of at least {LEAST_PROXY_F1} each"
    bounds = [
        Bound(whole, share(min(f1s)), min(f1s) >= LEAST_PROXY_F1),
        Bound("customers in neither", f"{max(strangers):,}", max(strangers) == 0),
    ]
    yield bounds_table(f"Bounds: {title.lower()}", bounds)


def quiet(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run where there is no campaign: what is significant nevertheless, and is it a planted group?"""
    rows, failures, measured = [], 0, True
    for seed in setting.seeds:
        outcome = trials.run({"accounts": setting.size(), "seed": seed, "campaigns": False})
        listed = outcome.clusters[outcome.clusters["explained_by"].isna()]
        measured &= bool(listed["q_value"].notna().all())
        significant = listed[~(listed["q_value"] >= MOST_Q)].copy()
        planted = _planted_share(outcome).reindex(significant["rank"]).to_numpy()
        significant["planted"] = planted > 0.5
        failures += int((~significant["planted"]).sum())
        for kind, clusters in significant.groupby("kind"):
            rows.append((f"seed {seed}, {kind}", f"{len(clusters):,}", f"{(~clusters['planted']).sum():,}"))
    title = f"A world without campaigns, {setting.size():,} accounts"
    yield Table(
        f"{title}: unexplained clusters with a q-value under {MOST_Q}",
        ("world, and what most members are", "clusters", "of no planted group"), rows,
        f"Of no planted group: at most half of the members are in planted groups ({', '.join(LEGITIMATE)})."
        + ("" if measured else " Clusters without a q-value are counted, too: it is null in this version."),
    )  # fmt: skip
    wanted = f"no unexplained cluster with a q-value under {MOST_Q} of no planted group"
    yield bounds_table(
        f"Bound: {title.lower()}", [Bound(wanted, f"{failures:,}", failures == 0 if measured else None)]
    )


def _planted_share(outcome: Outcome) -> Any:
    members = outcome.members
    planted = members["cohort"].isin(LEGITIMATE) & (members["group"] != "")
    return planted.groupby(members["rank"]).mean()


def cells(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Look for an operation of many cells, with and without the second pass, and for borrowed innocence."""
    rows, borrowed = [], []
    configs = {"defaults": {}, "without the second pass": WITHOUT_SECOND_PASS}
    for evasion in EVASIONS:
        world = {
            "accounts": setting.size(), "evasion": evasion, "seed": setting.seeds[0],
            "cells": setting.scale(CELLS, least=10), "borrowed": True,
        }  # fmt: skip
        for name, config in configs.items():
            unknown = find_unknown(config)
            label = f"evasion {evasion}, {name}"
            if unknown:
                rows.append((label, f"left out: {unknown}", "", "", "", ""))
                continue
            outcome = trials.run(world, config)
            rows.append((label, *_pieces(outcome)))
            borrowed += [
                (f"{label}: {one.group.removeprefix('campaign-')}", share(f1_of(one)), str(one.rank or "-"))
                for one in outcome.campaigns if one.group in ("campaign-startup", "campaign-campus")
            ]  # fmt: skip
    count = setting.scale(CELLS, least=10)
    header = ("", "pieces", "accounts in them", "largest share in one cluster", "its F1", "its rank")
    yield Table(f"One operation of {count:,} cells among {setting.size():,} accounts", header, rows)
    yield Table("Borrowed innocence in the same worlds", ("", "F1", "rank"), borrowed)


def _pieces(outcome: Outcome) -> tuple[str, ...]:
    best = outcome.groups[OPERATION]
    parts = outcome.members[outcome.members["group"] == OPERATION].groupby("rank").size()
    largest = int(parts.max()) if len(parts) else 0
    clustered = f"{int(parts.sum()):,} of {best.accounts:,}"
    return (
        f"{len(parts):,}",
        clustered,
        f"{largest / best.accounts:.1%}",
        share(f1_of(best)),
        str(best.rank or "-"),
    )


def lone(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Look for accounts that share one card, or one carrier address, and nothing else."""
    rows, cards, exits = [], [], []
    for seed in setting.seeds:
        outcome = trials.run(
            {
                "accounts": setting.size(LONE_WORLD), "seed": seed, "shared_cards": False,
                "lone_card": LONE, "lone_exit": LONE,
            }
        )  # fmt: skip
        (card, card_found), (exit_, exit_found) = (
            _together(outcome, one) for one in ("lone_card", "lone_exit")
        )
        rows.append((f"seed {seed}", str(card), yes(card_found), str(exit_), yes(exit_found)))
        cards.append(card_found)
        exits.append(exit_found)
    yield Table(
        f"{LONE} accounts with one thing in common among {setting.size(LONE_WORLD):,}",
        ("world", "one card: most in one cluster", "found", "one address: most in one cluster", "found"),
        rows,
        "Found: more than half of them are in one cluster, and are more than half of it. All other cards "
        "have one or two holders.",
    )
    worlds = len(rows)
    bounds = [
        Bound(f"{LONE} accounts on one card are found", f"in {sum(cards)} of {worlds} worlds", all(cards)),
        Bound(f"{LONE} behind one address are not", f"found in {sum(exits)} of {worlds}", not any(exits)),
    ]
    yield bounds_table("Bounds: one thing in common", bounds)


def _together(outcome: Outcome, cohort: str) -> tuple[int, bool]:
    """Count the accounts of a cohort in the cluster that has most of them; tell whether they are found."""
    inside = outcome.members[outcome.members["cohort"] == cohort].groupby("rank").size()
    if not len(inside):
        return 0, False
    rank, most = inside.idxmax(), int(inside.max())
    size = int(outcome.clusters.set_index("rank").loc[rank, "accounts"])
    return most, 2 * most > LONE and 2 * most > size
