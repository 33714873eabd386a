from collections.abc import Mapping
from typing import Any, Literal

import pytest

from clustergraph.config import check_config, read_config, resolve
from clustergraph.errors import UsageError
from clustergraph.jobs import INJECTED, STAGES


def project(
    table: object,
    *,
    min_shared: int = 2,
    share: float = 0.5,
    level: float | None = None,
    seed: int,
    engine: str = "duckdb",
) -> None: ...


def partition(
    ties: object,
    *,
    engine: Literal["igraph", "leidenalg"] = "igraph",
    exact: bool = True,
    weights: Mapping[str, float] | None = None,
    note: str = "",
) -> None: ...


SECTIONS: dict[str, Any] = {"project": project, "partition": partition}
PASSED = {"seed", "project.engine"}


def message(config: Mapping[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        check_config(config, SECTIONS, PASSED, source="f.toml")
    return str(caught.value)


def test_every_default_and_override_is_resolved() -> None:
    found = resolve(SECTIONS, {"project": {"share": 1}, "signals": {"asn": "asn"}}, PASSED)
    assert found == {
        "project": {"min_shared": 2, "share": 1.0, "level": None},
        "partition": {"engine": "igraph", "exact": True, "weights": None, "note": ""},
        "signals": {"asn": "asn"},
        "families": {},
        "nested": {},
        "derive": {},
        "columns": {},
    }
    assert isinstance(found["project"]["share"], float)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"project": {"min_shard": 3}},
            "f.toml: unknown [project] key 'min_shard'; did you mean 'min_shared'?",
        ),
        ({"projct": {}}, "f.toml: unknown section [projct]; did you mean 'project'?"),
        (
            {"x": {}},
            "f.toml: unknown section [x]; there are [project], [partition], [signals], [families], [nested]",
        ),
        ({"share": 0.1}, "f.toml: 'share' stands outside all sections; it belongs in [project]"),
        ({"project": 3}, "f.toml: [project] must be a section, not 3"),
        ({"project": {"exact": False}}, "f.toml: unknown [project] key 'exact'; it belongs in [partition]"),
        ({"project": {"seed": 1}}, "f.toml: unknown [project] key 'seed'; it is not set in a file"),
        ({"project": {"engine": "x"}}, "f.toml: unknown [project] key 'engine'; it belongs in [partition]"),
        ({"project": {"families": {}}}, "it is a section of its own, [families]"),
        ({"project": {"qqqqq": 1}}, "unknown [project] key 'qqqqq'; its keys are: min_shared, share, level"),
        ({"project": {"min_shared": 2.5}}, "f.toml: [project] min_shared must be a whole number, not 2.5"),
        ({"project": {"min_shared": True}}, "[project] min_shared must be a whole number, not true"),
        ({"project": {"share": "1"}}, "[project] share must be a number, not '1'"),
        ({"project": {"share": float("nan")}}, "[project] share must be a number, not nan"),
        ({"project": {"level": "high"}}, "[project] level must be a number, not 'high'"),
        ({"partition": {"engine": "igrap"}}, "engine must be 'igraph' or 'leidenalg', not 'igrap'"),
        ({"partition": {"exact": 1}}, "[partition] exact must be true or false, not 1"),
        ({"partition": {"weights": {"ip": "a"}}}, "[partition] weights ip must be a number, not a table"),
        ({"partition": {"weights": [1]}}, "[partition] weights must be a table, not [1]"),
        ({"partition": {"note": 1}}, "[partition] note must be text in quotes, not 1"),
        ({"signals": {"asn": 7}}, "f.toml: [signals] asn must be a name in quotes, not 7"),
        ({"families": {"asn": ""}}, "[families] asn must be a name in quotes, not ''"),
        ({"nested": {"ip": 24}}, "[nested] ip must be a name in quotes, not 24"),
    ],
)
def test_mistakes_are_named(config: Mapping[str, Any], words: str) -> None:
    assert words in message(config)


def test_values_of_the_right_types_pass() -> None:
    config = {
        "project": {"min_shared": 3, "level": 12},
        "partition": {"engine": "leidenalg", "exact": False, "weights": {"ip": 1}, "note": "x"},
        "families": {"asn": "network"},
        "nested": {"ip": ""},
    }
    found = check_config(config, SECTIONS, PASSED)
    assert found["project"] == {"min_shared": 3, "level": 12.0}
    assert found["partition"]["weights"] == {"ip": 1.0}


def test_a_parameter_that_nothing_sets_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="seed has no default"):
        resolve(SECTIONS, {}, {"project.engine"})


def test_a_file_is_read(tmp_path: Any) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[project]\nshare = 0.25\n[signals]\n"user_agent" = "browser"\n')
    assert read_config(path, SECTIONS, PASSED) == {
        "project": {"share": 0.25},
        "signals": {"user_agent": "browser"},
    }


@pytest.mark.parametrize("content", [b"[project\n", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Any, content: bytes | None) -> None:
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"settings\.toml: "):
        read_config(path, SECTIONS, PASSED)


def test_the_stages_of_the_main_job_can_be_configured() -> None:
    full = resolve(STAGES, None, INJECTED)
    assert list(full) == [*STAGES, "signals", "families", "nested", "derive", "columns"]
    # What is resolved is itself a valid configuration.
    assert resolve(STAGES, full, INJECTED) == full
