"""Analyse the window of a night: its clusters, who they are, and who comes back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from clustergraph.analysis import analyse
from clustergraph.behaviour.observing import observe_behaviour
from clustergraph.decisions.judging import judge_decisions
from clustergraph.decisions.ranking import rank_behind
from clustergraph.decisions.standing import take_stand
from clustergraph.guardrails import Breach, Figures, find_breaches, stop_at
from clustergraph.incidence.links import link
from clustergraph.investigation.prepared import prepare_holding
from clustergraph.nights.columns import add_columns
from clustergraph.nights.marked import (
    find_remembered_clusters,
    load_banned,
    load_known_clusters,
    load_marked,
)
from clustergraph.nights.memory import remembering
from clustergraph.nights.naming import name_clusters, weigh_members
from clustergraph.nights.regrowth import find_regrowth
from clustergraph.sightings.side_tables import read_accounts, read_known_hubs, read_volumes
from clustergraph.store.increments import open_window
from clustergraph.store.ledger import (
    load_ledger,
    read_clusters,
    update_ledger,
    update_memory,
    update_templates,
    write_ledger,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from clustergraph.analysis import Analysis
    from clustergraph.incidence.links import Incidence
    from clustergraph.nights.task import Night, Task

# What explains clusters is told by these.
_KNOWN = ["account_id", "created_at", "organization_id"]


def analyse_window(task: Task, night: Night) -> tuple[dict[str, pa.Table], str, dict[str, Any]]:
    """Find tonight's clusters and who they are.

    Args:
        task: the job and its store.
        night: with a window of one increment at least.

    Returns:
        The artefacts, the place of the ledger after the night, and facts for run.json.

    Raises:
        InputError: the store or a small table is wrong, or the disk is full.
        GuardrailError: a figure is out of bounds.
    """
    job, settings, given = task.job, task.job.settings, task.given
    with task.open_engine() as engine:
        with job.progress.stage("link"):
            templates = update_templates(task.store, night.ledger_before, night.fresh.increments, night.date)
            sightings = open_window(
                engine, night.window, task.store, settings["families"], settings["nested"], templates
            )
            sightings = observe_behaviour(
                sightings, families=settings["families"], nested=settings["nested"], **settings["behaviour"]
            )
            hubs = read_known_hubs(given.known_hubs, engine) if given.known_hubs else None
            accounts = read_accounts(given.accounts, engine) if given.accounts else None
            volumes = read_volumes(given.volumes, engine) if given.volumes else None

            def link_again() -> Incidence:
                return link(sightings, known_hubs=hubs, **settings["link"])

            incidence = link_again()
        known = None if accounts is None else accounts.select(_KNOWN)
        found = analyse(job, incidence, volumes=volumes, accounts=known)
        with job.progress.stage("identities"):
            load_ledger(engine, task.store, night.ledger_before, night.entering)
            load_banned(engine, accounts, night.date)
            tables, ledger, facts = _identify(
                task, night, found, incidence, link_again, bans_known=accounts is not None
            )
    return {**tables, "holding": prepare_holding(job, tables, facts)}, ledger, facts


def _identify(
    task: Task, night: Night, found: Analysis, incidence: Incidence, link_again: Callable[[], Incidence],
    *, bans_known: bool,
) -> tuple[dict[str, pa.Table], str, dict[str, Any]]:  # fmt: skip
    """Name the clusters, find who comes back, and write what is known from now on."""
    store, engine = task.store, incidence.sightings.engine
    before = read_clusters(store, night.ledger_before)
    nights = task.job.settings["window"]["nights"]
    named = name_clusters(engine, found.tables, before, night.date, memory=nights)
    members = weigh_members(named.tables["members"])
    engine.load("members_tonight", members)
    standing = take_stand(store, night.decisions)
    judged = judge_decisions(named.tables, night.days, standing, **task.job.settings["decisions"])
    load_marked(engine, standing, night.date)
    load_known_clusters(engine, named.clusters, standing, judged)
    find_remembered_clusters(engine)
    bits = found.membership.ties.thresholds.member_bits
    windowed = task.job.settings["link"]["windows"] or {}
    with remembering(incidence, link_again, windowed=windowed) as whole:
        regrowth = find_regrowth(whole, night.date, member_bits=bits, threads=task.job.threads)
    ledger = update_ledger(engine, night.date, members, regrowth["account_id"].combine_chunks())
    engine.load("ledger_after", ledger)
    tables = rank_behind({**named.tables, "decisions": judged.table}, judged.cleared)
    tables["clusters"] = add_columns(
        engine, tables["clusters"], night.date, night.days, judged.clusters, bans_known=bans_known
    )
    tables |= {"lineage": named.lineage, "regrowth": regrowth}
    passed = stop_at(_find_breaches(task, night, found.facts, tables, before), task.accepted)
    kept = {
        "accounts": ledger,
        "clusters": named.clusters,
        "memory": update_memory(engine, night.date),
        "templates": incidence.sightings.templates,
    }
    return tables, write_ledger(store, night.date, kept), {**found.facts, "guardrails": passed}


def _find_breaches(
    task: Task, night: Night, facts: Mapping[str, Any], tables: Mapping[str, pa.Table], known: pa.Table
) -> list[Breach]:
    """Compare tonight's figures with their bounds."""
    sizes = Counter(tables["members"]["cluster_id"].to_pylist())
    rows = int(night.fresh.facts["rows"])
    aside = sum(int(one["count"]) for one in night.fresh.facts["rejected"].values())
    elsewhere = sum(one.rows for one in night.fresh.increments if one.day != str(night.date))
    before = {row["cluster_id"] for row in known.to_pylist() if not row["dormant"]}
    # Who let a night without rows through has said that its volume is right.
    compared = (night.base or {}).get("rows_before", []) if night.fresh.increments else []
    figures = Figures(
        rows=rows,
        rows_before=list(compared),
        other_days=elsewhere / max(sum(one.rows for one in night.fresh.increments), 1),
        rejected=aside / max(rows, 1),
        accounts=int(facts["accounts"]),
        clustered=tables["members"].num_rows,
        largest=max(sizes.values(), default=0),
        clusters=len(sizes),
        known=len(before),
        ids_lost=len(before - sizes.keys()),
    )
    return find_breaches(figures, **task.job.settings["guardrails"])
