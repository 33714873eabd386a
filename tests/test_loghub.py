"""Templates of real logs, whose templates people wrote down: text with slots, as prompts are."""

from __future__ import annotations

import pytest

from tests.bench.templates import compare_on_logs


@pytest.mark.real
def test_templates_agree_with_those_of_logs_better_than_drain3(real_data):
    if not (real_data / "loghub").is_dir():
        pytest.skip("the loghub data is not beside this checkout")
    table = compare_on_logs()
    mean = dict(zip(table.header, table.rows[-1], strict=True))
    assert float(mean["clustergraph: GA"]) >= max(0.8, float(mean["drain3: GA"]))
    assert float(mean["clustergraph: GA"]) > float(mean["MinHash: GA"])
    assert float(mean["clustergraph: F1"]) > 0.9
