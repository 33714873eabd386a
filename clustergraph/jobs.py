"""The settings of a job, and the stages that take them."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from clustergraph.behaviour.observing import observe_behaviour
from clustergraph.clusters.ranking import rank
from clustergraph.communities.leiden import Leiden
from clustergraph.config import resolve
from clustergraph.decisions.judging import judge_decisions
from clustergraph.extraction.points import score_extraction
from clustergraph.guardrails import find_breaches
from clustergraph.incidence.links import link
from clustergraph.membership.members import partition
from clustergraph.progress import Progress
from clustergraph.projection.ties import project
from clustergraph.sightings.derived import DEFAULT_EXPRESSIONS
from clustergraph.sightings.layouts import DEFAULT_SIGNALS
from clustergraph.sightings.nesting import DEFAULT_NESTED, check_nested
from clustergraph.sightings.presets import PRESETS
from clustergraph.sightings.reading import DEFAULT_FAMILIES, read
from clustergraph.store.increments import choose_window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STAGES: dict[str, Callable[..., Any]] = {
    "read": read,
    "behaviour": observe_behaviour,
    "link": link,
    "project": project,
    "partition": partition,
    "extraction": score_extraction,
    "rank": rank,
    "window": choose_window,
    "guardrails": find_breaches,
    "decisions": judge_decisions,
}
MEMORY_LIMIT = "1500MB"
# Parameters that the pipeline passes itself, so that no configuration sets them.
INJECTED = frozenset(
    {
        "read.engine", "read.span", "read.earlier",
        "signals", "families", "nested", "derive", "read.accounts", "read.column_names", "known_hubs",
        "project.min_accounts", "leiden", "volumes", "rank.accounts", "rank.extraction",
        "seed", "threads", "progress",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """The settings of a job, defaults filled in.

    Attributes:
        settings: section -> key -> value.
        seed: of everything that is drawn at random.
        threads: processors to use.
        memory_limit: of the engine that reads and groups.
        progress: what shows how far the job is.
    """

    settings: Mapping[str, Mapping[str, Any]]
    seed: int
    threads: int
    memory_limit: str
    progress: Progress

    @property
    def leiden(self) -> Leiden:
        """How communities are looked for."""
        chosen = self.settings["partition"]
        return Leiden(chosen["engine"], chosen["objective"], chosen["resolution"], self.seed)


def set_up(
    config: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
    preset: str | None = None,
) -> Job:
    """Fill in the defaults; None for an argument is its default. A preset goes over the configuration's.

    Raises:
        UsageError: the configuration is wrong.
    """
    if preset is not None:
        config = {**(config or {}), "read": {**(config or {}).get("read", {}), "preset": preset}}
    settings = resolve(STAGES, config, INJECTED)
    settings["signals"] = settings["signals"] or dict(DEFAULT_SIGNALS)
    settings["families"] = DEFAULT_FAMILIES | settings["families"]
    settings["nested"] = DEFAULT_NESTED | settings["nested"]
    check_nested(settings["nested"])
    settings["derive"] = DEFAULT_EXPRESSIONS | settings["derive"]
    threads = threads or os.cpu_count() or 1
    return Job(settings, seed, threads, memory_limit or MEMORY_LIMIT, progress or Progress())


def make_manifest(job: Job, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Say with what and how something was made; ``facts`` are of the input."""
    packages = ("duckdb", "igraph", "leidenalg", "numba", "numpy", "pyarrow")
    return {
        "version": version("clustergraph"),
        "seed": job.seed,
        "threads": job.threads,
        "memory_limit": job.memory_limit,
        "config": job.settings,
        "preset": _describe_preset(job.settings["read"]["preset"]),
        "input": facts,
        "stages": job.progress.timings(),
        "packages": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def _describe_preset(name: str | None) -> dict[str, str] | None:
    if name is None:
        return None
    return {"name": name, "standard": PRESETS[name].standard, "version": PRESETS[name].version}
