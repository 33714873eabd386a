"""The README says what the code does: every column, command, option and setting, and its examples run.

``python -m tests.test_readme`` writes the README's tables of columns and settings anew.
"""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from clustergraph import cli, errors
from clustergraph.artefacts import schema
from clustergraph.config import check_config, resolve
from clustergraph.jobs import INJECTED, MEMORY_LIMIT, STAGES
from clustergraph.scoring.comparison import score
from clustergraph.sightings import side_tables
from clustergraph.sightings.derived import DERIVED_SIGNALS
from clustergraph.sightings.layouts import COUNTS, TEXTS, TIMES
from clustergraph.sightings.presets import PRESETS
from clustergraph.sightings.reading import DEFAULT_FAMILIES
from tests.scored_runs import make_truth, write_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TABLE = re.compile(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
TYPES = {
    "string": "string", "int64": "int", "int32": "int", "bool": "bool", "double": "double",
    "timestamp[us, tz=UTC]": "timestamp",
}  # fmt: skip


def _blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def _section(heading: str) -> str:
    text = README.read_text(encoding="utf-8")
    return re.split(r"^## ", text.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, [":--"] * len(header), *rows]
    return "\n" + "".join("| " + " | ".join(cells) + " |\n" for cells in lines) + "\n"


def _say_type(kind: pa.DataType) -> str:
    item = getattr(kind, "value_type", None)
    return f"list<{TYPES[str(item)]}>" if item is not None else TYPES[str(kind)]


def _columns(table: Iterable[pa.Field]) -> str:
    rows = [
        [
            f"`{column.name}`",
            _say_type(column.type),
            *(column.metadata[key].decode() for key in (b"unit", b"meaning")),
        ]
        for column in table
    ]
    return _table(["column", "type", "unit", "meaning"], rows)


def _settings() -> str:
    rows = [
        [f"`[{section}]`", f"`{key}`", _say_default(default), _find_meaning(STAGES[section], key)]
        for section, keys in resolve(STAGES, {}, INJECTED).items()
        for key, default in keys.items()
    ]
    return _table(["section", "key", "default", "meaning"], rows)


def _say_default(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return (
        f'`"{value}"`'
        if isinstance(value, str)
        else f"`{value:_}`"
        if isinstance(value, int)
        else f"`{value}`"
    )


def _find_meaning(stage: Any, key: str) -> str:
    """Give what the stage's docstring says of a parameter, in one line."""
    text = inspect.getdoc(stage) or ""
    found = re.search(rf"^    {key}: (.*?)(?=^    \w+: |^$|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"{stage.__qualname__} does not document {key}"
    return " ".join(found[1].split()).replace("``", "`").rstrip(".")


def _derived() -> str:
    rows = [
        [
            f"`{one.kind}`",
            one.family,
            " and ".join(" or ".join(f"`{name}`" for name in group) for group in one.needs),
            one.meaning,
        ]
        for one in DERIVED_SIGNALS
    ]
    return _table(["kind", "family", "needs", "value"], rows)


def _presets() -> str:
    columns = list(dict.fromkeys(column for one in PRESETS.values() for column in one.names))
    header = ["column", *(f"`{name}`: {one.standard} {one.version}" for name, one in PRESETS.items())]
    rows = [
        [f"`{column}`", *(_say_paths(one.names.get(column, ())) for one in PRESETS.values())]
        for column in columns
    ]
    return _table(header, rows)


def _say_paths(paths: Iterable[str]) -> str:
    """Say paths without the places that all attributes of OpenTelemetry are looked for in."""
    short = dict.fromkeys(path for path in paths if not path.startswith(("attributes.", "SpanAttributes.")))
    return ", ".join(f"`{path}`" for path in short)


EXPECTED = {name: _columns(table) for name, table in schema.ARTEFACTS.items()} | {
    "nightly": _columns([one for one in schema.NIGHTLY_CLUSTERS if one.name not in schema.CLUSTERS.names]),
    "lineage": _columns(schema.LINEAGE),
    "regrowth": _columns(schema.REGROWTH),
    "decisions": _columns(schema.DECISIONS),
    "decision_log": _columns(schema.DECISION_LOG),
    "configuration": _settings(),
    "derived": _derived(),
    "presets": _presets(),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_table_is_that_of_the_code(name):
    found = dict(TABLE.findall(README.read_text(encoding="utf-8")))
    assert found[name] == EXPECTED[name], "python -m tests.test_readme writes the tables anew"


def test_every_command_and_option_is_there_and_no_other():
    synopsis = "".join(_blocks("sh")).replace("\n   ", "")
    said = {line.split()[1]: line for line in synopsis.splitlines() if line.startswith("clustergraph ")}
    assert list(said) == list(cli.commands.commands)
    for name, command in cli.commands.commands.items():
        options = {
            one.opts[0]
            for one in command.params
            if isinstance(one, click.Option) and one.opts[0] != "--debug"
        }
        assert set(re.findall(r"(?<=[\s\[])--?[a-z][a-z-]*", said[name])) == options, name
        for one in command.params:
            if isinstance(one, click.Argument):
                assert str(one.metavar) in said[name]


def test_memory_limit_is_there():
    assert f"({MEMORY_LIMIT} by default)" in _section("Commands")


def test_every_exit_code_is_there():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {0, *(kind.exit_code for kind in kinds), *cli.STOPPED.values()}
    said = re.findall(r"^\| (\d+) \|", _section("Commands"), re.MULTILINE)
    assert {int(code) for code in said} == codes


def test_every_column_of_the_input_is_there():
    section = _section("Input")
    names = {*TEXTS, *TIMES, *COUNTS, *side_tables.ACCOUNT_COLUMNS, *DEFAULT_FAMILIES}
    assert [name for name in sorted(names) if f"`{name}`" not in section] == []


def test_settings_are_accepted():
    for block in _blocks("toml"):
        check_config(tomllib.loads(block), STAGES, INJECTED)


@pytest.mark.parametrize("example", _blocks("python"))
def test_example_runs(example, monkeypatch):
    monkeypatch.chdir(ROOT)
    exec(compile(example, str(README), "exec"), {"__name__": "example"})


def test_manifest_is_described(tmp_path):
    import clustergraph as cg

    found = cg.run(ROOT / "data" / "events.parquet", out=tmp_path / "run").manifest
    section = _section("Artefacts")
    missing = [key for key in (*found, *found["input"]) if f"`{key}`" not in section]
    assert missing == []


def test_every_figure_of_the_scorecard_is_there(tmp_path):
    section = _section("Scorecard")
    run = write_run(tmp_path / "runs" / "dt=2026-02-02", ["a b"])
    card = score(run.parent, make_truth({"x": "a b"})).to_dict()
    keys = {*card, *card["groups"][0], *card["bcubed"], *card["nights"][0], *card["cohorts"]["grouped"]}
    assert [key for key in sorted(keys) if f"`{key}`" not in section] == []


def test_files_and_targets_are_there():
    text = README.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    said = re.findall(r"`make (\w+)`", text) + re.findall(
        r"^make (\w+)", "".join(_blocks("sh")), re.MULTILINE
    )
    assert set(said) <= set(targets)


def _write_tables() -> None:
    text = README.read_text(encoding="utf-8")
    text = TABLE.sub(lambda found: f"<!-- table: {found[1]} -->\n{EXPECTED[found[1]]}<!-- end -->\n", text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write_tables()
