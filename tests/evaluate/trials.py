"""Worlds made, run on and judged: each world on disk once, each run a process of its own, both remembered."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clustergraph.artefacts.runs import open_run
from clustergraph.config import check_config
from clustergraph.errors import UsageError
from clustergraph.jobs import INJECTED, STAGES
from clustergraph.simulation import simulate
from tests.bench.processes import measure_job
from tests.evaluate.outcome import judge, rank_groups
from tests.evaluate.simple import find_simple_clusters
from tests.evaluate.truth import read_truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.evaluate.outcome import Outcome

    World = Mapping[str, Any]
    Config = Mapping[str, Mapping[str, Any]]


class Trials:
    """Makes worlds and runs on them; a context, at whose end nothing is left on disk but what is to be kept.

    Only the world in use is on disk: sections ask for all that they want of one before they go on.
    """

    def __init__(self, say: Callable[[str], None], *, threads: int, keep: Path | None = None) -> None:
        """Begin.

        Args:
            say: told what is going on.
            threads: processors of each run.
            keep: folder that worlds are kept in, and found in again.
        """
        self._say, self._threads, self._keep = say, threads, keep
        self._scratch = Path(tempfile.mkdtemp(prefix="clustergraph-evaluate-"))
        self._known: dict[str, Outcome] = {}
        self._current: Path | None = None

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def run(self, world: World, config: Config | None = None) -> Outcome:
        """Give what a run says of a world.

        Args:
            world: the knobs of :class:`clustergraph.simulation.World`.
            config: section -> key -> value, over the defaults.
        """
        key = repr((sorted(world.items()), config or {}))
        if key not in self._known:
            folder = self._make(world)
            self._say(f"run: {say_world(world)}{_say_config(config)}")
            out = self._scratch / "run"
            taken = measure_job(
                folder / "events", out, self._threads, accounts=folder / "accounts.parquet",
                config=self._write(config),
            )  # fmt: skip
            self._known[key] = judge(open_run(out), read_truth(folder), taken)
            shutil.rmtree(out)
        return self._known[key]

    def run_simple(self, world: World) -> Outcome:
        """Give what the simple detector says of a world."""
        key = repr((sorted(world.items()), "simple"))
        if key not in self._known:
            folder = self._make(world)
            self._say(f"simple detector: {say_world(world)}")
            self._known[key] = rank_groups(find_simple_clusters(folder / "events"), read_truth(folder))
        return self._known[key]

    def run_on(self, source: Path, config: Config | None = None, **options: Path) -> Path:
        """Run on files that are there already; give the folder of the run, which lasts until the next one."""
        self._say(f"run: {source.name}{_say_config(config)}")
        out = self._scratch / "run"
        measure_job(source, out, self._threads, config=self._write(config), **options)
        return out

    def run_nights(self, world: World) -> tuple[Path, Path]:
        """Run every night of a world, each a process of its own; give the world's folder and the store."""
        folder, store = self._make(world), self._scratch / "store"
        shutil.rmtree(store, ignore_errors=True)
        for events in sorted((folder / "events").iterdir()):
            night = events.name.removeprefix("dt=")
            self._say(f"night {night}: {say_world(world)}")
            options = ("--accounts", folder / "accounts.parquet", "--threads", self._threads, "--quiet")
            run_command("nightly", events, "--store", store, "--date", night, *options)
        return folder, store

    def _make(self, world: World) -> Path:
        folder = (self._keep or self._scratch) / say_world(world).replace(", ", "-").replace(" ", "=")
        if self._current is not None and self._current != folder and self._keep is None:
            shutil.rmtree(self._current)
        self._current = folder
        if not folder.exists():
            self._say(f"world: {say_world(world)}")
            unfinished = folder.with_name(folder.name + ".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            simulate(unfinished, **world)
            unfinished.rename(folder)
        return folder

    def _write(self, config: Config | None) -> Path | None:
        if not config:
            return None
        path = self._scratch / "config.toml"
        path.write_text(say_toml(config), encoding="utf-8")
        return path


def run_command(*arguments: object) -> None:
    """Run a command in a process of its own; a RuntimeError shows what it said where it fails."""
    command = [sys.executable, "-m", "clustergraph", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())


def find_unknown(config: Config) -> str:
    """Tell what this version does not understand of a configuration; nothing where it understands all."""
    try:
        check_config(config, STAGES, INJECTED)
    except UsageError as error:
        return str(error).removeprefix("configuration: ").split(";")[0]
    return ""


def say_world(world: World) -> str:
    """Write the knobs of a world in one line."""
    return ", ".join(f"{knob} {value}" for knob, value in world.items())


def say_toml(config: Config) -> str:
    """Write a configuration as the command reads it."""
    return "\n".join(
        f"[{section}]\n" + "".join(f"{key} = {_say_value(value)}\n" for key, value in keys.items())
        for section, keys in config.items()
    )


def _say_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{key}" = {_say_value(one)}' for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_say_value, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _say_config(config: Config | None) -> str:
    return f" with {say_toml(config).strip()}".replace("\n", " ") if config else ""
