"""The job of a night: fold what is new into the store, analyse the window, and publish what is found."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from clustergraph.analysis import analyse, describe_input
from clustergraph.artefacts.publishing import publish, sweep, working_folder
from clustergraph.artefacts.runs import Run
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import ClustergraphError, InputError, UsageError
from clustergraph.guardrails import Breach, Figures, find_breaches, stop_at
from clustergraph.incidence.links import link
from clustergraph.jobs import make_manifest, set_up
from clustergraph.nights.columns import add_columns
from clustergraph.nights.memory import remembering
from clustergraph.nights.naming import name_clusters, weigh_members
from clustergraph.nights.regrowth import find_regrowth
from clustergraph.nights.repeat import repeat_night
from clustergraph.sightings.reading import read
from clustergraph.sightings.side_tables import read_accounts, read_known_hubs, read_volumes
from clustergraph.sightings.spans import Span
from clustergraph.store.increments import Increment, choose_window, fold, open_window
from clustergraph.store.ledger import load_ledger, read_clusters, update_ledger, update_memory, write_ledger
from clustergraph.store.store import Store, hold, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from clustergraph.engines.interface import Engine
    from clustergraph.jobs import Job
    from clustergraph.progress import Progress

# Rows of the next day may come in early; they wait for their night.
_EARLY = timedelta(days=1)
# Nights whose input a night's is compared with.
_COMPARED = 7
# A household of which one member was banned is no banned cluster, unless most of it was.
_BANNED_CLUSTERS = """
SELECT cluster_id, min(b.banned_on) AS first_ban, max(b.banned_on) AS last_ban
FROM (
    SELECT account_id, coalesce(m.cluster_id, l.cluster_id) AS cluster_id
    FROM ledger_before l FULL OUTER JOIN members_tonight m USING (account_id)
)
JOIN banned b USING (account_id)
JOIN known_clusters c USING (cluster_id)
GROUP BY cluster_id HAVING NOT bool_or(c.explained) OR 2 * count(*) >= max(c.accounts)
"""
_NO_ROWS = "the night has no rows; if that is right, run it again with --allow-empty"


@dataclass(frozen=True)
class _Given:
    """The small tables of a night, as paths."""

    accounts: str | Path | None
    volumes: str | Path | None
    known_hubs: str | Path | None


@dataclass(frozen=True)
class _Fresh:
    """What came in: increments, and what run.json says of the rows."""

    increments: list[Increment]
    facts: dict[str, Any]


def nightly(
    inputs: str | Path | Sequence[str | Path],
    *,
    store: str | Path,
    night: date,
    accounts: str | Path | None = None,
    volumes: str | Path | None = None,
    known_hubs: str | Path | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
    allow_empty: bool = False,
    rebuild: bool = False,
    wait: bool = False,
    accepted: Mapping[str, Mapping[str, str]] | None = None,
) -> Run:
    """Take a night's events into a store and publish the clusters of its window.

    Args:
        inputs: files, folders or globs of the night's events or sightings; none for a night without.
        store: folder of the store; it is made where there is none.
        night: the date.
        accounts: table of what is known of accounts: who is banned, who is of a verified organisation.
        volumes: table of the volume to rank by.
        known_hubs: table of signals that are public infrastructure.
        config: section -> key -> value, as in a configuration file.
        seed: of everything that is drawn at random.
        threads: processors to use, all if not given.
        memory_limit: of the engine that reads and groups.
        progress: what shows how far the job is; silent if not given.
        allow_empty: take a night without rows for what it is.
        rebuild: run a night before the last again, and all nights after it from what the store has of them.
        wait: for another job on the store to end.
        accepted: name of a guardrail -> who let its breach through (``by``) and why (``reason``).

    Returns:
        The run of the night, or of the last night that was rebuilt.

    Raises:
        UsageError: the configuration is wrong, or the night is before the last one.
        InputError: the input or the store is wrong, or the disk is full.
        GuardrailError: a figure is out of bounds, or another job holds the store.
    """
    job = set_up(config, seed, threads, memory_limit, progress)
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    given = _Given(accounts, volumes, known_hubs)
    opened = open_store(Path(store).absolute(), create=True)
    with hold(opened, wait=wait), _tidied(opened):
        _finish_rebuild(job, opened, given, accepted or {})
        later = _check_order(opened, night, rebuild=rebuild)
        if later:
            opened.mark_change(night)
        fresh = _take_in(job, opened, night, paths, allow_empty=allow_empty)
        with _rebuilding(opened, night) if later else nullcontext():
            _publish_night(job, opened, night, fresh, given, accepted or {})
        _finish_rebuild(job, opened, given, accepted or {}, after=night)
        last = (later or [night])[-1]
        found = Run(opened.manifest(last), opened.run(last))
        job.progress.tell(
            "done", night=str(last), rows=fresh.facts["rows"], clusters=found.clusters.num_rows,
            accounts=found.members.num_rows, seconds=_add_up(job),
        )  # fmt: skip
        return found


def _add_up(job: Job) -> float:
    return round(sum(float(stage["seconds"]) for stage in job.progress.timings()), 3)


@contextmanager
def _rebuilding(store: Store, night: date) -> Iterator[None]:
    """Mark that a night and those after it are being rebuilt; not so if the night is refused."""
    before = store.manifest(night) if night in store.nights() else None
    store.mark_rebuild(night)
    try:
        yield
    except ClustergraphError:
        if (store.manifest(night) if night in store.nights() else None) == before:
            store.mark_change(night)  # all that is left to do is to clean up
        raise


@contextmanager
def _tidied(store: Store) -> Iterator[None]:
    """Begin without what a killed process left behind, and leave nothing of a night that fails."""
    store.prepare()
    for folder in (store.runs, store.root):
        sweep(folder)
    try:
        yield
    except BaseException:
        with suppress(ClustergraphError):  # the next start tries again
            store.clean()
        raise


def _finish_rebuild(
    job: Job, store: Store, given: _Given, accepted: Mapping[str, Mapping[str, str]],
    after: date | None = None,
) -> None:  # fmt: skip
    """Publish the nights of a rebuild again from what the store has of their rows, and clean up."""
    first = store.to_rebuild()
    if first is not None:
        for night in store.nights():
            if night >= first and night != after:
                kept = store.manifest(night)["store"]
                again = _Fresh([Increment.from_dict(one) for one in kept["taken_in"]], kept["input"])
                _publish_night(job, store, night, again, given, accepted)
    store.clean()
    if first is not None:
        store.mark_rebuild(None)


def _check_order(store: Store, night: date, *, rebuild: bool) -> list[date]:
    """Give the later nights that have to be rebuilt."""
    later = [one for one in store.nights() if one > night]
    if later and not rebuild:
        raise UsageError(
            f"{night} is before the last night of the store, {later[-1]}; --rebuild runs it and the "
            f"{len(later)} after it again"
        )
    if store.pruned() is not None and not any(one < night for one in store.nights()):
        raise UsageError(
            f"{night} cannot be run any more: the nights before it were pruned, and with them rows of its "
            "window and the ids of its clusters"
        )
    return later


def _base(store: Store, night: date) -> dict[str, Any] | None:
    """Give what the night before left, None for the first night."""
    before = [one for one in store.nights() if one < night]
    return dict(store.manifest(before[-1])["store"]) if before else None


def _take_in(
    job: Job, store: Store, night: date, paths: Sequence[str | Path], *, allow_empty: bool
) -> _Fresh:
    """Read the night's rows and fold them into increments."""
    if not paths:
        if not allow_empty:
            raise UsageError(f"no INPUT: {_NO_ROWS}")
        return _Fresh([], {"files": [], "rows": 0, "rejected": {}, "duplicates": 0, "degraded": False})
    base = _base(store, night)
    late = job.settings["window"]["late"]
    span = Span(night - timedelta(days=late), night + _EARLY)
    events = [
        str(store.root / one["place"] / "events.parquet")
        for one in (base or {}).get("increments", [])
        if one["has_events"] and one["day"] >= str(span.first)
    ]
    with (
        _engine(job, store) as engine,
        job.progress.stage("read") as advance,
    ):
        sightings = read(
            paths, engine=engine, signals=job.settings["signals"], families=job.settings["families"],
            span=span, earlier_events=events, progress=lambda what: advance(None, what),
            **job.settings["read"],
        )  # fmt: skip
        aside = sum(found.count for found in sightings.rejected.values())
        job.progress.tell("read", rows=sightings.rows, rejected=aside, duplicates=sightings.duplicates)
        increments = fold(sightings, store, night)
        if not increments and not allow_empty:
            raise InputError(f"{paths[0]}: {_NO_ROWS}")
        return _Fresh(increments, describe_input(sightings))


def _publish_night(
    job: Job, store: Store, night: date, fresh: _Fresh, given: _Given,
    accepted: Mapping[str, Mapping[str, str]],
) -> None:  # fmt: skip
    """Analyse the window and publish the run of a night."""
    base = _base(store, night)
    known = [Increment.from_dict(one) for one in (base or {}).get("increments", [])]
    waiting = [one for one in known if one.day > str(night)]
    window = choose_window([*known, *fresh.increments], night, **job.settings["window"])
    with working_folder(store.run(night)) as working:
        if base is not None and _is_the_same(window, base):
            tables: Mapping[str, pa.Table | Path]
            tables, state, facts = repeat_night(store, base)
        else:
            if not window:
                raise InputError(f"{night}: the store has no rows of this night or before")
            tables, state, facts = _analyse_night(job, store, night, fresh, window, base, given, accepted)
        early = [one for one in fresh.increments if one.day > str(night)]
        about = {
            "night": str(night),
            "after": None if base is None else base["night"],
            "window": sorted({one.day for one in window}),
            "touched": sorted({one.day for one in fresh.increments}),
            "input": fresh.facts,
            "taken_in": [one.to_dict() for one in fresh.increments],
            "increments": [one.to_dict() for one in (*window, *waiting, *early)],
            "ledger": state,
            "pieces": [*(one.place for one in fresh.increments), state],
            "rows_before": [*(base or {}).get("rows_before", []), fresh.facts["rows"]][-_COMPARED:],
        }
        with job.progress.stage("write"):
            publish(tables, {**make_manifest(job, facts), "store": about}, store.run(night), working)
    store.point_to_latest()


def _is_the_same(window: Sequence[Increment], base: Mapping[str, Any]) -> bool:
    """Tell whether a window has the rows of the night before and no others."""
    before = {one["place"] for one in base["increments"] if one["day"] in set(base["window"])}
    return {one.place for one in window} == before


def _analyse_night(
    job: Job, store: Store, night: date, fresh: _Fresh, window: Sequence[Increment],
    base: Mapping[str, Any] | None, given: _Given, accepted: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, pa.Table], str, dict[str, Any]]:  # fmt: skip
    """Find tonight's clusters and who they are; give the artefacts, the new ledger's place, and facts."""
    settings = job.settings
    with _engine(job, store) as engine:
        with job.progress.stage("link"):
            sightings = open_window(engine, window, store, settings["families"])
            hubs = read_known_hubs(given.known_hubs, engine) if given.known_hubs else None
            table = read_accounts(given.accounts, engine) if given.accounts else None
            ranked_by = read_volumes(given.volumes, engine) if given.volumes else None
            incidence = link(sightings, known_hubs=hubs, **settings["link"])
        known = None if table is None else table.select(["account_id", "created_at", "organization_id"])
        found = analyse(job, incidence, volumes=ranked_by, accounts=known)
        with job.progress.stage("identities"):
            place = None if base is None else str(base["ledger"])
            load_ledger(engine, store, place, fresh.increments)
            _load_banned(engine, table, night)
            clusters = read_clusters(store, place)
            named = name_clusters(engine, found.tables, clusters, night, memory=settings["window"]["nights"])
            members = weigh_members(named.tables["members"])
            engine.load("members_tonight", members)
            engine.load("known_clusters", named.clusters)
            engine.create("banned_clusters", _BANNED_CLUSTERS)
            with remembering(
                incidence, lambda: link(sightings, known_hubs=hubs, **settings["link"])
            ) as whole:
                regrowth = find_regrowth(
                    whole, night, member_bits=found.membership.ties.thresholds.member_bits,
                    threads=job.threads,
                )  # fmt: skip
            ledger = update_ledger(engine, night, members, regrowth["account_id"].combine_chunks())
            engine.load("ledger_after", ledger)
            days = sorted({one.day for one in window})
            tables = dict(named.tables)
            tables["clusters"] = add_columns(
                engine, tables["clusters"], night, days, bans_known=table is not None
            )
            tables |= {"lineage": named.lineage, "regrowth": regrowth}
            breaches = _check(job, fresh, base, found.facts, tables, clusters)
            passed = stop_at(breaches, accepted)
            kept = {"accounts": ledger, "clusters": named.clusters, "memory": update_memory(engine, night)}
            state = write_ledger(store, night, kept)
        facts = {**found.facts, "guardrails": passed}
        return tables, state, facts


def _check(
    job: Job, fresh: _Fresh, base: Mapping[str, Any] | None, facts: Mapping[str, Any],
    tables: Mapping[str, pa.Table], known: pa.Table,
) -> list[Breach]:  # fmt: skip
    sizes = Counter(tables["members"]["cluster_id"].to_pylist())
    rows = int(fresh.facts["rows"])
    aside = sum(int(one["count"]) for one in fresh.facts["rejected"].values())
    before = {row["cluster_id"] for row in known.to_pylist() if not row["dormant"]}
    figures = Figures(
        rows=rows,
        rows_before=list((base or {}).get("rows_before", [])),
        rejected=aside / max(rows, 1),
        accounts=int(facts["accounts"]),
        clustered=tables["members"].num_rows,
        largest=max(sizes.values(), default=0),
        clusters=len(sizes),
        known=len(before),
        ids_lost=len(before - sizes.keys()),
    )
    return find_breaches(figures, **job.settings["guardrails"])


def _load_banned(engine: Engine, accounts: pa.Table | None, night: date) -> None:
    """Make the relation `banned`: account_id and banned_on (a date, null where it is not known)."""
    if accounts is None:
        columns = {"account_id": pa.array([], pa.string()), "banned_on": pa.array([], pa.date32())}
        engine.load("banned", pa.table(columns))
        return
    engine.load("known_accounts", accounts.select(["account_id", "status", "banned_at"]))
    engine.create(
        "banned",
        "SELECT account_id, CAST(banned_at AS DATE) AS banned_on FROM known_accounts"
        f" WHERE CAST(banned_at AS DATE) <= DATE '{night}' OR (banned_at IS NULL AND status = 'banned')",
    )


@contextmanager
def _engine(job: Job, store: Store) -> Iterator[DuckDBEngine]:
    with (
        working_folder(store.root / "scratch") as folder,
        DuckDBEngine(folder, job.threads, job.memory_limit) as engine,
    ):
        yield engine
