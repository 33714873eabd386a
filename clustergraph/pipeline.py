"""The main job: a batch of traffic, read and analysed, and its artefacts published."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from clustergraph.analysis import analyse
from clustergraph.artefacts.publishing import check_target, publish, working_folder
from clustergraph.artefacts.runs import Run
from clustergraph.behaviour.observing import observe_behaviour
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.incidence.links import link
from clustergraph.investigation.prepared import prepare_holding
from clustergraph.jobs import Job, make_manifest, set_up
from clustergraph.progress import Progress, peak_memory
from clustergraph.projection.chance import Copies, find_tie_bits
from clustergraph.projection.prefix_join import PrefixIndex
from clustergraph.projection.ties import BYTES_PER_TIE, estimate_ties
from clustergraph.sightings.reading import read
from clustergraph.sightings.side_tables import read_accounts, read_known_hubs, read_volumes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from clustergraph.incidence.links import Incidence

# What is used of the table of accounts.
_KNOWN = ["account_id", "created_at", "organization_id"]


@dataclass(frozen=True)
class Estimate:
    """What a run would read and cost, found without paying for it.

    Attributes:
        files: path, bytes, rows and format of each.
        rows: of the input.
        accounts: distinct.
        kinds: of signals.
        rejected: rows set aside, by reason.
        signals: that at least two accounts have.
        links: of accounts and such signals.
        tie_bits: level of evidence that the visits are counted at.
        visits: candidate pairs that the projection would look at.
        memory_bytes: at the peak, roughly.
        disk_bytes: of scratch files.
    """

    files: list[dict[str, Any]]
    rows: int
    accounts: int
    kinds: list[str]
    rejected: dict[str, int]
    signals: int
    links: int
    tie_bits: float
    visits: int
    memory_bytes: int
    disk_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self)


class _SideTables(NamedTuple):
    """The small tables that were given."""

    volumes: pa.Table | None
    accounts: pa.Table | None


def run(
    inputs: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    accounts: str | Path | None = None,
    volumes: str | Path | None = None,
    known_hubs: str | Path | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    preset: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Find and rank the clusters of coordinated accounts in a batch of traffic.

    Args:
        inputs: files, folders or globs of events or sightings.
        out: folder to write the artefacts to, all or none of them; nothing is written if not given.
        accounts: table of what is known of accounts; it tells which clusters legitimate sharing explains.
        volumes: table of the volume to rank by.
        known_hubs: table of signals that are public infrastructure.
        config: section -> key -> value, as in a configuration file.
        preset: standard whose names the input has: `ecs`, `ocsf-api-activity` or `otel-genai`.
        seed: of everything that is drawn at random.
        threads: processors to use, all if not given.
        memory_limit: of the engine that reads and groups, ``"1500MB"`` if not given; more goes to disk.
        progress: what shows how far the run is; silent if not given.

    Returns:
        The tables of the run, and its manifest.

    Raises:
        UsageError: the configuration is wrong.
        InputError: the input is wrong, or ``out`` cannot be written.
        GuardrailError: the work would exceed a bound.
    """
    job = set_up(config, seed, threads, memory_limit, progress, preset)
    with (
        _workplace(out) as working,
        _linked(job, working, inputs, accounts, volumes, known_hubs) as (incidence, given),
    ):
        found = analyse(job, incidence, volumes=given.volumes, accounts=given.accounts)
        tables = {**found.tables, "holding": prepare_holding(job, found.tables, found.facts)}
        manifest = make_manifest(job, found.facts)
        if out is None:
            return Run.from_tables(tables, manifest)
        with job.progress.stage("write"):
            manifest = publish(tables, manifest, Path(out), working)
        return replace(Run.from_tables(tables, manifest), directory=Path(out))


def estimate(
    inputs: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    accounts: str | Path | None = None,
    volumes: str | Path | None = None,
    known_hubs: str | Path | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    preset: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Read and check everything and tell what a run would cost; the arguments are those of :func:`run`.

    Nothing is written to ``out``, only whether it could be is checked.
    """
    job = set_up(config, seed, threads, memory_limit, progress, preset)
    if out is not None:
        check_target(Path(out).absolute())
    with (
        _workplace(None) as working,
        _linked(job, working, inputs, accounts, volumes, known_hubs) as (incidence, _),
        job.progress.stage("estimate"),
    ):
        disk_bytes = sum(file.stat().st_size for file in working.rglob("*") if file.is_file())
        return _estimate(incidence, job, disk_bytes)


@contextmanager
def _workplace(out: str | Path | None) -> Iterator[Path]:
    """Give a folder for unfinished files: beside ``out``, so that one rename publishes, or elsewhere."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="clustergraph-") as folder:
            yield Path(folder)
    else:
        target = Path(out).absolute()
        check_target(target)
        with working_folder(target) as folder:
            yield folder


@contextmanager
def _linked(
    job: Job, working: Path, inputs: str | Path | Sequence[str | Path], accounts: str | Path | None,
    volumes: str | Path | None, known_hubs: str | Path | None,
) -> Iterator[tuple[Incidence, _SideTables]]:  # fmt: skip
    """Read, check and link everything; give the incidence, its engine open, and the small tables."""
    settings = job.settings
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    with DuckDBEngine(working, job.threads, job.memory_limit) as engine:
        with job.progress.stage("read") as advance:
            known = read_accounts(accounts, engine) if accounts else None
            sightings = read(
                paths, engine=engine, signals=settings["signals"], families=settings["families"],
                nested=settings["nested"], derive=settings["derive"], accounts=known,
                column_names=settings["columns"], threads=job.threads,
                progress=lambda what: advance(None, what), **settings["read"],
            )  # fmt: skip
            hubs = read_known_hubs(known_hubs, engine) if known_hubs else None
            volume_table = read_volumes(volumes, engine) if volumes else None
            account_table = None if known is None else known.select(_KNOWN)
        with job.progress.stage("link"):
            sightings = observe_behaviour(
                sightings, families=settings["families"], nested=settings["nested"], **settings["behaviour"]
            )
            incidence = link(sightings, known_hubs=hubs, **settings["link"])
        yield incidence, _SideTables(volume_table, account_table)


def _estimate(incidence: Incidence, job: Job, disk_bytes: int) -> Estimate:
    graph, sightings, settings = incidence.graph, incidence.sightings, job.settings["project"]
    level = settings["tie_bits"]
    if level is None:
        copies = Copies(graph, seed=job.seed, threads=job.threads)
        level = find_tie_bits(copies, max_chance_tied=settings["max_chance_tied"], threads=job.threads)
    index = PrefixIndex(graph, level)
    ties = estimate_ties(index, seed=job.seed, threads=job.threads)
    return Estimate(
        files=[asdict(file) for file in sightings.files],
        rows=sightings.rows,
        accounts=graph.accounts,
        kinds=list(sightings.kinds),
        rejected={reason: found.count for reason, found in sightings.rejected.items()},
        signals=incidence.signals.num_rows,
        links=len(graph.indices),
        tie_bits=level,
        visits=index.visits,
        memory_bytes=peak_memory() + 2 * graph.nbytes + ties * BYTES_PER_TIE,
        disk_bytes=disk_bytes,
    )
