"""From sightings to ranked clusters, stage by stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.schema import mark_degraded
from clustergraph.clusters.ranking import rank
from clustergraph.extraction.points import score_extraction
from clustergraph.membership.members import partition
from clustergraph.projection.ties import project

if TYPE_CHECKING:
    import pyarrow as pa

    from clustergraph.incidence.links import Incidence
    from clustergraph.jobs import Job
    from clustergraph.membership.members import Membership
    from clustergraph.sightings.reading import Sightings


@dataclass(frozen=True)
class Analysis:
    """What was found in an incidence.

    Attributes:
        membership: clusters of accounts, by number.
        tables: artefact -> table.
        facts: what there is to say of the input and of how chance was reckoned.
    """

    membership: Membership
    tables: dict[str, pa.Table]
    facts: dict[str, Any]


def analyse(
    job: Job, incidence: Incidence, *, volumes: pa.Table | None = None, accounts: pa.Table | None = None
) -> Analysis:
    """Project, partition and rank.

    Args:
        job: settings.
        incidence: what :func:`clustergraph.link` gives.
        volumes: of accounts, to rank by.
        accounts: what is known of them.
    """
    settings = job.settings
    incidence.sightings.engine.rest()  # what comes next takes the memory that reading took
    with job.progress.stage("project") as advance:
        ties = project(
            incidence, min_accounts=settings["partition"]["min_accounts"], leiden=job.leiden,
            seed=job.seed, threads=job.threads, progress=advance, **settings["project"],
        )  # fmt: skip
    with job.progress.stage("partition") as advance:
        membership = partition(
            ties, seed=job.seed, threads=job.threads, progress=advance, **settings["partition"]
        )
    with job.progress.stage("rank") as advance:
        extraction = score_extraction(membership, **settings["extraction"])
        found = rank(
            membership, volumes=volumes, accounts=accounts, extraction=extraction, threads=job.threads,
            progress=advance, **settings["rank"],
        )  # fmt: skip
    facts = {
        **describe_input(incidence.sightings),
        "accounts": incidence.graph.accounts,
        "signals": incidence.signals.num_rows,
        "links": len(incidence.graph.indices),
        "visits": ties.visits,
        **found.manifest["input"],
        "ties_by_bits": ties.counts.to_dicts(),
        "ranked_by": "extraction_volume" if volumes is None else "volumes",
    }
    tables = mark_degraded(found.tables) if incidence.sightings.degraded else found.tables
    return Analysis(membership, tables, facts)


def describe_input(sightings: Sightings) -> dict[str, Any]:
    """Say what was read, as run.json has it."""
    return {
        "shape": sightings.shape,
        "kinds": {kind: sightings.families[kind] for kind in sightings.kinds},
        "nested": dict(sightings.nested),
        "files": [asdict(file) for file in sightings.files],
        "rows": sightings.rows,
        "rejected": {reason: asdict(found) for reason, found in sightings.rejected.items()},
        "duplicates": sightings.duplicates,
        "degraded": sightings.degraded,
        "times": sightings.times,
    }
