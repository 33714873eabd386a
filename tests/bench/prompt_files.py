"""Made-up files of prompts: words as common as in language, and a template in a third of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.bench.places import bench_folder

if TYPE_CHECKING:
    from pathlib import Path

WORDS, TEMPLATES = 30_000, 2_000
BATCH = 50_000
_LETTERS = np.frombuffer(b"etaoinshrdlucmfwypvbgk", np.uint8)


def prompt_file(prompts: int, least: int, most: int) -> Path:
    """Make a file of prompts of so many characters, or give the one that is there."""
    path = bench_folder() / f"prompts-{prompts}-{least}-{most}.parquet"
    if not path.exists():
        fresh = path.with_suffix(".unfinished")
        _write(fresh, prompts, least, most)
        fresh.rename(path)
    return path


def _write(path: Path, prompts: int, least: int, most: int) -> None:
    rng = np.random.default_rng(0)
    words = pa.array([bytes(rng.choice(_LETTERS, rng.integers(2, 10))).decode() for _ in range(WORDS)])
    templates = pa.array([_join(words, rng, [size])[0].as_py() for size in rng.integers(20, 60, TEMPLATES)])
    schema = pa.schema([("account_id", pa.string()), ("prompt", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for begin in range(0, prompts, BATCH):
            n = min(BATCH, prompts - begin)
            which = (TEMPLATES * rng.random(n) ** 2).astype(np.int64)
            plain = rng.random(n) >= 1 / 3
            size = np.maximum(3, rng.uniform(least, most, n) / 6.6 - np.where(plain, 0, 40)).astype(np.int64)
            heads = pc.fill_null(templates.take(pa.array(which, mask=plain)), "")
            texts = pc.binary_join_element_wise(heads, _join(words, rng, size), " ")
            accounts = pa.array(rng.integers(0, max(1, prompts // 10), n)).cast(pa.string())
            writer.write_table(pa.table([accounts, texts], schema))


def _join(words: pa.Array, rng: np.random.Generator, sizes: object) -> pa.Array:
    """Join so many words each, drawn by Zipf's law."""
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    place = (WORDS ** rng.random(int(start[-1]))).astype(np.int64) - 1
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(start), words.take(pa.array(place))), " ")
