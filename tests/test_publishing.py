"""All of a run or none of it, whatever fails on the way."""

import errno
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts import publishing
from clustergraph.artefacts.publishing import check_target, publish, working_folder
from clustergraph.artefacts.runs import open_run
from clustergraph.artefacts.schema import ARTEFACTS
from clustergraph.disk import durable
from clustergraph.errors import InputError
from tests.commands import snapshot
from tests.small_run import MANIFEST, make_tables, write_run

TABLES = make_tables()
NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(params=["exchange", "two renames"])
def any_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to replace a folder: in one step, and where the system has none."""
    if request.param == "two renames":
        monkeypatch.setattr(durable, "_exchange", lambda *_: False)
    elif not sys.platform.startswith("linux"):
        pytest.skip("needs Linux")
    return str(request.param)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return write_run(tmp_path / "out")


def put(out: Path) -> dict[str, Any]:
    check_target(out)
    with working_folder(out) as working:
        return publish(TABLES, MANIFEST, out, working)


def test_a_run_is_put_whole(tmp_path: Path) -> None:
    out = tmp_path / "some" / "where"
    manifest = put(out)
    assert json.loads((out / "run.json").read_text()) == manifest
    assert manifest.items() >= MANIFEST.items()
    for name, table in TABLES.items():
        path = out / f"{name}.parquet"
        written = pq.read_table(path)
        assert written.equals(table)
        assert written.schema.metadata == table.schema.metadata
        assert [one.metadata for one in written.schema] == [one.metadata for one in table.schema]
        said = manifest["artefacts"][path.name]
        data = path.read_bytes()
        assert said == {"rows": table.num_rows, "bytes": len(data), "sha256": sha256(data).hexdigest()}
    assert set(manifest["artefacts"]) == {f"{name}.parquet" for name in ARTEFACTS}
    assert open_run(out).members.equals(TABLES["members"])
    assert [path.name for path in out.parent.iterdir()] == ["where"]


def test_an_earlier_run_is_replaced(any_system: str, tmp_path: Path, earlier: Path) -> None:
    (earlier / "note.txt").write_text("of the earlier run")
    before = snapshot(earlier)
    put(earlier)
    after = snapshot(earlier)
    assert "note.txt" not in after
    assert after.keys() == before.keys() - {"note.txt"}
    assert "artefacts" in json.loads(after["run.json"][1])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_an_earlier_run_is_replaced_in_one_step(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", lambda *_: pytest.fail("not in one step"))
    put(earlier)
    assert "artefacts" in json.loads((earlier / "run.json").read_text())


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_artefacts_are_for_their_owner_and_group(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        put(tmp_path / "out")
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()}
    assert modes == {0o640}


def test_what_is_unfinished_is_for_its_owner(tmp_path: Path) -> None:
    with working_folder(tmp_path / "out") as working:
        assert working.stat().st_mode & 0o777 == 0o700


# Faults


def test_a_place_that_cannot_be_written_is_told_beforehand(
    tmp_path: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    monkeypatch.setattr(os, "access", lambda place, mode: place != locked or not mode & os.W_OK)
    check_target(earlier)
    with pytest.raises(InputError, match="locked: cannot write here"):
        check_target(locked / "some" / "where")


def nth(function: Callable[..., Any], number: int, error: BaseException) -> Callable[..., Any]:
    """A function that fails when it is called for the nth time."""
    calls = iter(range(number))

    def failing(*arguments: Any, **options: Any) -> Any:
        if next(calls, None) is None:
            raise error
        return function(*arguments, **options)

    return failing


FAULTS: list[tuple[Any, str, int]] = [
    *[(pq, "write_table", number) for number in range(len(ARTEFACTS))],
    (json, "dump", 0),
    *[(os, "fsync", number) for number in range(len(ARTEFACTS) + 2)],
    (Path, "mkdir", 1),
    (Path, "chmod", 0),
    (Path, "chmod", 3),
]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("error", [NO_ROOM, SystemExit(), MemoryError()])
@pytest.mark.parametrize(("module", "name", "number"), FAULTS)
def test_a_failure_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    module: Any, name: str, number: int, error: BaseException, there: bool,
) -> None:  # fmt: skip
    if there:
        write_run(tmp_path / "out")
    before = snapshot(tmp_path)
    monkeypatch.setattr(module, name, nth(getattr(module, name), number, error))
    with pytest.raises(InputError if error is NO_ROOM else type(error)) as caught:
        put(tmp_path / "out")
    monkeypatch.undo()
    assert snapshot(tmp_path) == before
    if error is NO_ROOM:
        assert "No space left on device; nothing was changed" in str(caught.value) or name == "mkdir"


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), SystemExit(), MemoryError()])
def test_a_rename_that_fails(
    tmp_path: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException
) -> None:
    """Between the two renames the earlier run is out of its place, and has to go back."""
    before = snapshot(tmp_path)
    monkeypatch.setattr(durable, "_exchange", lambda *_: False)
    rename = Path.rename
    calls = iter(range(number))

    def failing(self: Path, target: Path) -> Path:
        if next(calls, None) is None:
            monkeypatch.setattr(Path, "rename", rename)
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(InputError if isinstance(error, OSError) else type(error)):
        put(earlier)
    assert snapshot(tmp_path) == before


def test_what_fails_once_it_is_done_is_no_failure(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = len(ARTEFACTS) + 1
    monkeypatch.setattr(os, "fsync", nth(os.fsync, files + 1, OSError(errno.EIO, "Input/output error")))
    put(earlier)
    assert "artefacts" in json.loads((earlier / "run.json").read_text())


def test_everything_is_on_disk_before_the_folders_change_places(
    earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    plain, exchange = os.fsync, publishing.put

    def noted(handle: int) -> None:
        order.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        plain(handle)

    def put_noted(*arguments: Any) -> None:
        order.append("put")
        exchange(*arguments)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(publishing, "put", put_noted)
    put(earlier)
    before = order[: order.index("put")]
    assert sorted(before[:-1]) == sorted(["run.json", *(f"{name}.parquet" for name in ARTEFACTS)])
    assert before[-1] == "run"
    assert order[order.index("put") + 1 :] == [earlier.parent.name]


@pytest.mark.parametrize("error", [OSError(errno.EROFS, "Read-only file system"), SystemExit()])
def test_folders_made_on_the_way_go_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(publishing.tempfile, "mkdtemp", nth(lambda: None, 0, error))
    with pytest.raises(InputError if isinstance(error, OSError) else SystemExit):
        put(tmp_path / "a" / "b" / "out")
    assert list(tmp_path.iterdir()) == []


def test_folders_with_something_in_them_stay(tmp_path: Path) -> None:
    with working_folder(tmp_path / "a" / "b" / "out"):
        (tmp_path / "a" / "mine").touch()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["a", "a/mine"]


# What killed processes leave behind


HOLD = """
import sys
from pathlib import Path
from clustergraph.artefacts.publishing import working_folder
with working_folder(Path(sys.argv[1])) as working:
    (working / "scratch").write_text("a gigabyte")
    print(working.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that is at work on the same output."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    root = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=root
    ) as process:
        yield process
        process.kill()


def name_of(other: "subprocess.Popen[str]") -> str:
    assert other.stdout is not None
    return other.stdout.readline().strip()


def test_what_a_living_process_has_is_left_alone(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    name = name_of(other)
    put(tmp_path / "out")
    assert (tmp_path / name / "scratch").read_text() == "a gigabyte"
    other.communicate("")
    assert other.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_process_had_is_removed(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    name = name_of(other)
    other.kill()
    other.wait()
    assert (tmp_path / name / "scratch").exists()
    put(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_id_that_comes_again_is_no_sign_of_life(tmp_path: Path) -> None:
    """In a container every run has the same process id."""
    left = tmp_path / f".out.working-{os.getpid()}"
    left.mkdir()
    (left / "scratch").write_text("a gigabyte")
    put(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with working_folder(out) as one, working_folder(out) as two:
        assert one != two
        publish(TABLES, MANIFEST, out, two)
        publish(TABLES, MANIFEST, out, one)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_names_are_no_patterns(tmp_path: Path) -> None:
    with working_folder(tmp_path / "out1") as theirs:
        put(tmp_path / "out*")
        put(tmp_path / "out[1]")
        put(tmp_path / "out")
        assert theirs.exists()
    left = tmp_path / ".out[1].working-7"
    left.mkdir()
    put(tmp_path / "out[1]")
    assert not left.exists()


def test_a_run_that_was_being_replaced_comes_back(tmp_path: Path, earlier: Path) -> None:
    """Killed between the two renames."""
    before = snapshot(earlier)
    left = tmp_path / ".out.working-7"
    left.mkdir()
    earlier.rename(left / "earlier")
    with working_folder(earlier):
        pass
    assert snapshot(tmp_path) == {"out": (earlier.stat().st_mode, b"")} | {
        f"out/{name}": what for name, what in before.items()
    }


def test_a_file_system_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken for left behind then."""
    left = tmp_path / ".out.working-7"
    left.mkdir()
    monkeypatch.setattr(fcntl, "flock", nth(fcntl.flock, 0, OSError(errno.ENOLCK, "No locks available")))
    put(tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [left.name, "out"]


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = publishing.lock, []

    def late(folder: Path, *, wait: bool) -> int | None:
        if not swept:
            swept.append(folder)
            folder.rmdir()
        return lock(folder, wait=wait)

    monkeypatch.setattr(publishing, "lock", late)
    with working_folder(tmp_path / "out") as working:
        assert working.exists()
        assert working not in swept
    assert list(tmp_path.iterdir()) == []
