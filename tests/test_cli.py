import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.schema import ARTEFACTS
from clustergraph.cli import STOPPED, commands, main
from clustergraph.commands.options import print_json
from clustergraph.presentation.display import NOTHING_FOUND
from tests.small_run import FIRST, SECOND, write_run


class Ended:
    """How a command ended and what it said."""

    def __init__(self, code: Any, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Any:
    before = {number: signal.getsignal(number) for number in STOPPED}

    def call(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as caught:
            main([str(one) for one in arguments])
        return Ended(caught.value.code, *capsys.readouterr())

    yield call
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small made-up world, written by the command itself."""
    folder = tmp_path_factory.mktemp("cli") / "world"
    with start("simulate", folder, "--accounts", 1500, "--seed", 1) as process:
        process.communicate()
    assert process.returncode == 0
    return folder


def start(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "clustergraph", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def each_command() -> list[tuple[str, click.Command]]:
    return [("clustergraph", commands), *commands.commands.items()]


def test_every_command_and_option_has_help() -> None:
    for name, command in each_command():
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"
            elif isinstance(parameter, click.Argument):
                assert (parameter.metavar or "").removesuffix("...") in command.help, (
                    f"{name} {parameter.name}"
                )


def test_every_command_can_be_debugged() -> None:
    for name, command in each_command():
        assert any("--debug" in one.opts for one in command.params), name


def test_the_contract_is_kept() -> None:
    options = {
        name: {option for one in command.params for option in one.opts} for name, command in each_command()
    }
    assert options["run"] >= {
        "--out", "--dry-run", "--accounts", "--volumes", "--known-hubs", "--config", "--seed", "--threads",
        "--memory-limit", "--quiet",
    }  # fmt: skip
    assert options["top"] >= {"directory", "-n", "--json"}
    assert options["explain"] >= {"directory", "cluster_id", "--json"}
    assert options["score"] >= {"directory", "truth", "--json"}
    assert options["simulate"] >= {"--accounts", "--nights", "--evasion", "--no-campaigns", "--seed"}


def test_help_loads_nothing_slow() -> None:
    script = (
        "import sys\n"
        "from clustergraph.cli import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'numpy', 'pyarrow', 'pandas', 'duckdb', 'numba', 'igraph', 'scipy', 'networkx', 'rich'}\n"
        "sys.exit(str(slow & set(sys.modules)) if slow & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_version(cli: Any) -> None:
    assert cli("--version").out.startswith("clustergraph 0.")


def test_top_lists_clusters(cli: Any, tmp_path: Path) -> None:
    done = cli("top", write_run(tmp_path / "run"), "-n", 1)
    assert (done.code, done.err) == (0, "")
    assert "caaaaaaaa" in done.out
    assert "caaaaaaab" not in done.out


def test_top_as_json_is_one_document(cli: Any, tmp_path: Path) -> None:
    done = cli("top", write_run(tmp_path / "run"), "--json")
    document = json.loads(done.out)
    assert done.code == 0
    assert document["clusters_in_all"] == 2
    assert [one["cluster_id"] for one in document["clusters"]] == [FIRST, SECOND]
    assert list(document["clusters"][0]) == ARTEFACTS["clusters"].names
    assert document["clusters"][0]["first_seen"] == "2026-02-02T00:00:00+00:00"
    assert document["clusters"][0]["q_value"] is None
    assert "\x1b" not in done.out


def test_nothing_found_is_a_result(cli: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", empty=True)
    done = cli("top", folder)
    assert (done.code, done.out) == (0, NOTHING_FOUND + "\n")
    assert json.loads(cli("top", folder, "--json").out) == {"clusters_in_all": 0, "clusters": []}


def test_explain_shows_a_cluster(cli: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    done = cli("explain", folder, "#1")
    assert done.code == 0
    assert "3 of 4" in done.out
    document = json.loads(cli("explain", folder, "caaaaaaab", "--json").out)
    assert document["cluster_id"] == SECOND
    assert document["evidence"][0]["value"].startswith("\x1b")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["top", "{tmp}/none"], 3, "clustergraph: error: {tmp}/none: there is no such folder\n"),
        (["top", "{tmp}"], 3, "clustergraph: error: {tmp}: not a run: it has no run.json"),
        (["explain", "{run}", "zzz"], 2, "clustergraph: error: there is no cluster 'zzz'"),
        (["explain", "{run}", "z\x1b[2J\nz"], 2, "clustergraph: error: there is no cluster"),
        (["run", "{tmp}/none.csv", "--out", "{tmp}/out"], 3, "none.csv"),
        (
            ["run", "x", "--out", "y", "--config", "{tmp}/none.toml"],
            2,
            "clustergraph: error: {tmp}/none.toml: No such",
        ),
        (["top"], 2, "Missing argument 'DIR'"),
        (["top", "{run}", "-n", "0"], 2, "Invalid value for '-n'"),
        (["tpo"], 2, "No such command 'tpo'"),
        (["run", "x"], 2, "Missing option '--out'"),
        (["run", "x", "--out", "y", "--memory-limit", "lots"], 2, "'lots' is not an amount of memory"),
        (["run", "x", "--out", "y", "--memory-limit", "0GB"], 2, "'0GB' is not an amount of memory"),
        (["run", "x", "--out", "y", "--threads", "0"], 2, "Invalid value for '--threads'"),
        (["simulate", "{tmp}/world", "--evasion", "2"], 2, "clustergraph: error: evasion is 2.0"),
    ],
)
def test_errors_have_a_line_and_a_code(
    cli: Any, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    run = write_run(tmp_path / "run")
    done = cli(*(one.format(tmp=tmp_path, run=run) for one in arguments))
    assert done.code == code
    assert words.format(tmp=tmp_path) in done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_traceback(cli: Any, tmp_path: Path, place: str) -> None:
    command = ["top", str(tmp_path)]
    done = cli(*(["--debug", *command] if place == "before" else [*command, "--debug"]))
    assert done.code == 3
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("clustergraph: error: ")


def test_the_unforeseen_is_one_line(cli: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "run.json").write_text('{"input": 3}')
    done = cli("top", folder)
    assert done.code == 1
    assert done.err.startswith("clustergraph: error: AttributeError: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_closed_pipe_is_no_error(tmp_path: Path, options: list[str]) -> None:
    folder = write_run(tmp_path / "run")
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "clustergraph", "top", str(folder), *options]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.stderr == ""


def test_a_terminal_that_knows_less_than_unicode(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "clustergraph", "top", str(write_run(tmp_path / "run"))]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=ascii_only, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "caaaaaaaa" in done.stdout


def test_run_writes_a_run_and_shows_it(cli: Any, world: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = cli("run", world / "events", "--out", out, "--threads", 1, "--memory-limit", "1gb")
    assert done.code == 0
    assert "clusters of" in done.out
    assert "read: done in" in done.err
    assert sorted(path.stem for path in out.glob("*.parquet")) == sorted(ARTEFACTS)
    clusters = pq.read_table(out / "clusters.parquet")
    assert cli("top", out).out == done.out
    assert cli("explain", out, clusters["cluster_id"][0]).code == 0


def test_quiet_says_nothing(cli: Any, world: Path, tmp_path: Path) -> None:
    done = cli("run", world / "events", "--out", tmp_path / "run", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_the_configuration_is_obeyed(cli: Any, world: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[partition]\nmin_accounts = 5\n")
    cli("run", world / "events", "--out", tmp_path / "run", "--quiet", "--config", settings, "--seed", 7)
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["config"]["partition"]["min_accounts"] == 5
    assert manifest["seed"] == 7
    assert min(pq.read_table(tmp_path / "run" / "clusters.parquet")["accounts"].to_pylist()) >= 5
    settings.write_text("[partition]\nmin_acounts = 5\n")
    done = cli("run", world / "events", "--out", tmp_path / "other", "--config", settings)
    assert done.code == 2
    assert f"{settings}: unknown [partition] key 'min_acounts'; did you mean 'min_accounts'?" in done.err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("way", [[], ["--dry-run"]])
def test_too_little_memory_is_a_mistake_of_the_command_line(
    cli: Any, world: Path, tmp_path: Path, way: list[str]
) -> None:
    for limit in ("1KB", "1MB"):
        done = cli("run", world / "events", "--out", tmp_path / "run", "--memory-limit", limit, *way)
        assert done.code == 2
        assert "the memory limit is too small: raise it, to at least 125MB per thread" in done.err
        assert list(tmp_path.iterdir()) == []


def test_dry_run_estimates_and_writes_nothing(cli: Any, world: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = cli("run", world / "events", "--out", out, "--dry-run")
    assert done.code == 0
    assert "1,500" in done.out
    assert "Nothing was written." in done.out
    assert list(tmp_path.iterdir()) == []
    assert cli("run", world / "events", "--dry-run", "--quiet").err == ""


@pytest.mark.parametrize("stage", ["read", "link"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 1)])
def test_a_signal_ends_a_run_and_leaves_no_trace(
    world: Path, tmp_path: Path, number: signal.Signals, code: int, stage: str
) -> None:
    with start("run", world / "events", "--out", tmp_path / "run") as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith(f"{stage}: done"):
            assert process.poll() is None
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    assert said.splitlines()[-1] == f"clustergraph: stopped by {number.name}"
    assert list(tmp_path.iterdir()) == []


def test_json_has_no_values_that_are_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), 1.5], "b": (float("inf"),)})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": [None]}
