"""Who may know whom: stages know those before them, and each library that could be another has one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "clustergraph"
# From the ground up: a module may import from its own layer and from those before it.
LAYERS = [
    "errors", "figures", "config", "progress", "disk", "engines", "templates", "sightings", "store",
    "identity", "incidence", "behaviour", "communities", "artefacts", "decisions", "projection", "membership",
    "extraction", "clusters", "guardrails", "jobs", "analysis", "investigation", "nights", "upkeep",
    "simulation", "pipeline", "presentation", "charts", "report", "scoring", "commands", "cli",
    "__main__",
]  # fmt: skip
# The package itself names the homes of the public functions, whatever layer they are in.
MODULES = sorted({*PACKAGE.rglob("*.py")} - {PACKAGE / "__init__.py"})


def imports(path: Path) -> Iterator[str]:
    """Give every module that is imported anywhere in a file, for its types alone included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_module_is_in_a_layer() -> None:
    assert {layer(path) for path in MODULES} == set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_knows_a_later_layer(path: Path) -> None:
    known = {name.split(".")[1] for name in imports(path) if name.startswith("clustergraph.")}
    assert known <= set(LAYERS[: LAYERS.index(layer(path)) + 1])


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("duckdb", "engines/duckdb.py"),
        ("igraph", "communities/leiden.py"),
        ("leidenalg", "communities/leiden.py"),
    ],
)
def test_a_library_has_its_place(library: str, home: str) -> None:
    knowing = {path for path in MODULES if library in {name.split(".")[0] for name in imports(path)}}
    assert knowing == {PACKAGE / home}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_loads_nothing_by_itself(path: Path) -> None:
    assert path.parent.name in {"simulation", "charts"} or not list(imports(path))
