"""Prompts of made-up worlds: the same world, its templates in words."""

from __future__ import annotations

from difflib import SequenceMatcher

import pyarrow.parquet as pq
import pytest

from clustergraph.simulation import simulate

WORLD = {"accounts": 1_500, "seed": 3}


def events(folder, **knobs):
    simulate(folder, **WORLD, **knobs)
    frame = pq.read_table(folder / "events").to_pandas()
    truth = pq.read_table(folder / "truth.parquet").to_pandas().set_index("account_id")
    frame["cohort"] = truth["cohort"].reindex(frame["account_id"]).to_numpy()
    return frame


@pytest.fixture(scope="module")
def prompted(tmp_path_factory):
    return events(tmp_path_factory.mktemp("world") / "prompted", prompts=True, evasion=0.0)


def test_nothing_but_the_words_is_new(prompted, tmp_path):
    plain = events(tmp_path / "plain", evasion=0.0)
    assert prompted["true_template"].equals(plain["prompt_template"])
    shared = [name for name in plain.columns if name != "prompt_template"]
    assert prompted[shared].equals(plain[shared])
    assert prompted["prompt"].isna().equals(plain["prompt_template"].isna())


def test_one_template_is_one_wording_with_other_fillings(prompted):
    campaign = prompted[prompted["cohort"] == "campaign"]
    own = campaign[campaign["prompt"].str.contains("FINAL ANSWER", na=False)]
    _, rows = max(own.groupby("true_template"), key=lambda group: len(group[1]))
    assert rows["prompt"].nunique() > 0.9 * len(rows)
    first, second = rows["prompt"].iloc[:2].str.split()
    assert SequenceMatcher(None, first, second).ratio() > 0.5


def test_tools_have_few_system_prompts(prompted):
    said = prompted[prompted["cohort"] == "tool"]["prompt"].dropna()
    system = said[said.str.contains(" User: ")].str.split(" User: ").str[0]
    assert len(system) > 300
    assert system.nunique() <= 4


def test_care_changes_words(prompted, tmp_path):
    careful = events(tmp_path / "careful", prompts=True, evasion=1.0)

    def intact(frame):
        campaign = frame[frame["cohort"] == "campaign"]["prompt"].dropna()
        return campaign.str.contains("with a line that (?:begins|starts) with FINAL ANSWER").mean()

    assert intact(careful) < 0.5 * intact(prompted)


def test_own_infrastructure_leaves_nothing_else_to_share(tmp_path):
    frame = events(tmp_path / "own", own_infrastructure=True, evasion=0.0)
    campaign = frame[frame["cohort"] == "campaign"]
    for signal in ("payment_fingerprint", "device_id"):
        assert campaign.groupby(signal)["account_id"].nunique().max() == 1
    others = set(frame[frame["cohort"] != "campaign"]["ip"])
    assert campaign.groupby("ip")["account_id"].nunique().mean() < 1.05
    assert campaign["ip"].isin(others).mean() < 0.05
