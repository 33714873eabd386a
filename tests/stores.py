"""What a store holds, and whether everything that its runs name is there."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any


def copy(store: Path, folder: Path) -> Path:
    """Copy a store into a folder, which there may not be yet."""
    return Path(shutil.copytree(store, folder / "store", symlinks=True))


def contents(store: Path) -> dict[str, str]:
    """Give everything in a store, hidden or not; of run.json what is not a matter of time or place."""
    found = {}
    for path in sorted(store.rglob("*")):
        name = str(path.relative_to(store))
        if path.is_symlink():
            found[name] = f"leads to {path.readlink()}"
        elif path.is_dir():
            found[name] = "a folder"
        elif path.name == "run.json":
            found[name] = _without_times(json.loads(path.read_text()))
        else:
            found[name] = _hash(path)
    return found


def check_consistent(store: Path) -> None:
    """Have every published run whole, and everything of the store that it names."""
    if not (store / "store.json").exists():  # killed before there was one
        return
    assert json.loads((store / "store.json").read_text())["format"] == 1
    runs = sorted((store / "runs").glob("dt=*"))
    for run in runs:
        manifest = json.loads((run / "run.json").read_text())
        assert {path.name for path in run.iterdir()} == {"run.json", *manifest["artefacts"]}
        for name, said in manifest["artefacts"].items():
            assert _hash(run / name) == said["sha256"], run / name
        _check_pieces(store, manifest["store"])
    latest = store / "runs" / "latest"
    assert not latest.is_symlink() or latest.resolve().parent in {run.resolve() for run in runs}


def _check_pieces(store: Path, about: dict[str, Any]) -> None:
    for one in (*about["increments"], *about["taken_in"]):
        files = {path.stem: _hash(path) for path in (store / one["place"]).iterdir()}
        assert files == one["sha256"], one["place"]
    for place in about["pieces"]:
        assert (store / place).is_dir(), place
    ledger = store / about["ledger"]
    lines = "".join(f"{path.stem} {_hash(path)}\n" for path in sorted(ledger.iterdir()))
    assert ledger.name.endswith(sha256(lines.encode()).hexdigest()[:16])


def _without_times(document: dict[str, Any]) -> str:
    document.pop("stages")
    for file in document["store"]["input"]["files"]:
        file.pop("path")
    return json.dumps(document, sort_keys=True)


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
