"""Ways of grouping lines by template, and how well groups agree with those that made the lines."""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from math import comb
from typing import TYPE_CHECKING

import pyarrow as pa

from clustergraph.templates.mining import Miner
from clustergraph.templates.parallel import Parallel

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

_WORD = re.compile(r"\w+")


def group_by_template(lines: Sequence[str], known: pa.Table | None = None) -> list[Hashable]:
    """Give each line the number of its template, found in one batch."""
    texts = pa.array(lines, pa.string())
    with Parallel(2) as run:
        miner = Miner(len(lines), sum(map(len, lines)), run, known)
        miner.observe(texts)
        return list(miner.templates(miner.assign(texts).codes).tolist())


def group_by_drain(lines: Sequence[str]) -> list[Hashable]:
    """Give each line its cluster by drain3 with its defaults, lines in the order given."""
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    logging.getLogger("drain3").setLevel(logging.ERROR)
    miner = TemplateMiner(config=TemplateMinerConfig())
    return [miner.add_log_message(line)["cluster_id"] for line in lines]


def group_by_minhash(lines: Sequence[str], threshold: float = 0.5) -> list[Hashable]:
    """Give each line the first line before it whose words it shares, by MinHash and LSH alone."""
    from datasketch import MinHash, MinHashLSH

    index, groups = MinHashLSH(threshold=threshold, num_perm=64), []
    for number, line in enumerate(lines):
        sketch = MinHash(num_perm=64)
        sketch.update_batch([word.lower().encode() for word in _WORD.findall(line)])
        near = index.query(sketch)
        groups.append(min(near) if near else number)
        if not near:
            index.insert(number, sketch)
    return groups


def grouping_accuracy(found: Sequence[Hashable], true: Sequence[Hashable]) -> float:
    """Give the share of lines whose group is exactly the group of their template (Zhu et al. 2019)."""
    wanted = set(_members(true))
    return sum(len(group) for group in _members(found) if group in wanted) / len(true)


def pairwise_f1(found: Sequence[Hashable], true: Sequence[Hashable]) -> float:
    """Give the F1 of pairs of lines in one group, against pairs of one template."""
    both = _pairs(zip(found, true, strict=True))
    return 2 * both / (_pairs(found) + _pairs(true))


def _members(labels: Sequence[Hashable]) -> Iterable[tuple[int, ...]]:
    groups = defaultdict(list)
    for number, label in enumerate(labels):
        groups[label].append(number)
    return map(tuple, groups.values())


def _pairs(labels: Iterable[Hashable]) -> int:
    return sum(comb(count, 2) for count in Counter(labels).values())
