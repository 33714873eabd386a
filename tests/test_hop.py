"""The main job on real data: sybils on a blockchain bridge, against the groups that people reported."""

from __future__ import annotations

import numpy as np
import pytest

from clustergraph.scoring.agreement import bcubed
from tests.bench.hop import Hop, clusters_of, components_of
from tests.bench.shuffles import FIRST_SEED, opened, run_shuffled_graph, run_shuffled_rows
from tests.labellings import count_labels


@pytest.fixture(scope="module")
def hop(real_data):
    return Hop(real_data / "hop")


@pytest.fixture(scope="module")
def found(hop):
    return hop.run()


@pytest.fixture(scope="module")
def original(hop):
    with opened(hop.sightings) as original:
        yield original


@pytest.mark.real
def test_clusters_agree_with_reported_groups(hop, found):
    groups = hop.groups()
    clusters, components = (
        bcubed(count_labels(groups, of(found)), outsiders=False).f1 for of in (clusters_of, components_of)
    )
    assert clusters >= 0.78
    assert clusters >= components + 0.05


@pytest.mark.real
def test_clusters_are_ranked_by_the_volumes_given(found):
    # Its families say nothing of cards, devices and addresses, so nothing is explained.
    assert found.clusters["explained_by"].null_count == found.clusters.num_rows
    volumes = found.clusters["extraction_volume"].to_numpy()
    assert (np.diff(volumes) <= 0).all()
    assert volumes[0] > 0


@pytest.mark.real
@pytest.mark.parametrize("run_one", [run_shuffled_graph, run_shuffled_rows])
def test_chance_names_next_to_nobody(original, run_one):
    shares = [run_one(original, FIRST_SEED + number).share for number in range(3)]
    assert np.mean(shares) <= 0.001
    assert original.share > 0.2
