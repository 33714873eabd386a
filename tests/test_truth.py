"""Tables of known groups: every form they may come in, and what is refused, with its file, column and row."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustergraph.errors import InputError
from clustergraph.scoring.truth import read_truth

if TYPE_CHECKING:
    from pathlib import Path

    from clustergraph.scoring.truth import Truth

ROWS = {
    "account_id": ["b", "a", "007", "ü\n"],
    "group": ["second", "first", "", None],
    "cohort": ["campaign", "", None, "club"],
    "exchanges": [2, 1.5, None, 0],
    "infrastructure": ["", "", "", ""],
}


def plain(truth: Truth) -> dict[str, tuple[str, str, float]]:
    cohort, exchanges = truth.cohort, truth.exchanges
    assert cohort is not None
    assert exchanges is not None
    return {
        account: ((*truth.groups, "")[group], (*truth.cohorts, "")[kind], volume)
        for account, group, kind, volume in zip(
            truth.accounts.to_pylist(), truth.group, cohort, exchanges, strict=True
        )
    }


EXPECTED = {
    "007": ("", "none", 0.0),
    "a": ("first", "none", 1.5),
    "b": ("second", "campaign", 2.0),
    "ü\n": ("", "club", 0.0),
}
CSV = (
    "account_id,group,cohort,exchanges,infrastructure\n"
    'b,second,campaign,2,\na,first,,1.5,\n007,"",,,\n"ü\n",,club,0,\n'
)
JSON = (
    '{"account_id": "b", "group": "second", "cohort": "campaign", "exchanges": 2, "infrastructure": {}}\n'
    '{"account_id": "a", "group": "first", "exchanges": 1.5}\n'
    '{"account_id": "007", "group": ""}\n'
    '{"account_id": "ü\\n", "group": null, "cohort": "club", "exchanges": 0}\n'
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_all_formats_say_the_same(tmp_path):
    pq.write_table(pa.table(ROWS), tmp_path / "t.parquet")
    write(tmp_path / "t.csv", CSV)
    write(tmp_path / "t.tsv", CSV.replace(",", "\t"))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    write(tmp_path / "t.jsonl", JSON)
    for name in ("t.parquet", "t.csv", "t.tsv", "t.csv.gz", "t.jsonl"):
        assert plain(read_truth(tmp_path / name)) == EXPECTED, name
    for given_table in (pa.table(ROWS), pd.DataFrame(ROWS), ROWS):
        assert plain(read_truth(given_table)) == EXPECTED


def test_a_folder_is_read_whole_and_its_partitions_are_no_columns(tmp_path):
    for number in range(4):
        part = tmp_path / "group=wrong" / f"part-{number}.parquet"
        part.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(ROWS).slice(number, 1), part)
    assert plain(read_truth(tmp_path)) == EXPECTED


def test_texts_may_be_dictionaries_and_numbers_of_any_kind():
    table = pa.table(ROWS)
    for column in ("account_id", "group", "cohort"):
        place = table.column_names.index(column)
        table = table.set_column(place, column, table[column].dictionary_encode())
    decimal = table.set_column(3, "exchanges", table["exchanges"].cast(pa.decimal128(10, 2)))
    assert plain(read_truth(decimal)) == EXPECTED
    large = table.set_column(0, "account_id", table["account_id"].cast(pa.large_string()))
    assert plain(read_truth(large)) == EXPECTED


def test_only_account_and_group_are_needed():
    found = read_truth({"account_id": ["a", "b"], "group": [None, "x"]})
    assert (found.cohort, found.cohorts, found.exchanges) == (None, (), None)
    assert found.group.tolist() == [-1, 0]
    empty = read_truth(pa.table({"account_id": pa.array([], pa.string()), "group": pa.nulls(0)}))
    assert (len(empty.accounts), empty.groups) == (0, ())


def test_what_is_said_twice_counts_once():
    twice = {name: values + values for name, values in ROWS.items()}
    assert plain(read_truth(twice)) == EXPECTED
    assert read_truth({"account_id": ["a", "a"], "group": [None, ""]}).group.tolist() == [-1]


@given(order=st.permutations(range(4)))
def test_the_order_of_rows_does_not_matter(order):
    shuffled = pa.table(ROWS).take(pa.array(order))
    first, second = read_truth(shuffled), read_truth(ROWS)
    assert plain(first) == plain(second)
    assert first.accounts.equals(second.accounts)
    assert np.array_equal(first.group, second.group)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("account_id", "", "column 'account_id', row 3: ''; expected an account id"),
        ("account_id", None, "column 'account_id', row 3: null; expected an account id"),
        ("exchanges", -1.0, "column 'exchanges', row 3: -1.0; expected a number >= 0"),
        ("exchanges", float("nan"), "column 'exchanges', row 3: nan; expected a number >= 0"),
        ("exchanges", float("inf"), "column 'exchanges', row 3: inf; expected a number >= 0"),
        ("exchanges", "many", "column 'exchanges', row 3: 'many'; expected a number >= 0"),
        ("exchanges", "-1", "column 'exchanges', row 3: '-1'; expected a number >= 0"),
        ("exchanges", "1e999", "column 'exchanges', row 3: inf; expected a number >= 0"),
    ],
)
def test_the_first_wrong_row_is_named(tmp_path, column, value, said):
    kept = ["1", "2", "", "4"] if isinstance(value, str) and column == "exchanges" else ROWS[column]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(ROWS | {column: [*kept[:2], value, *kept[3:]]}), path)
    with pytest.raises(InputError) as caught:
        read_truth(path)
    assert str(caught.value) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", "account,group\na,x\n", "required column 'account_id' is missing; found account, group"),
        ("t.csv", "account_id,grp\na,x\n", "required column 'group' is missing"),
        ("t.csv", "account_id;group\na;x\n", "separated by semicolons"),
        ("t.csv", "account_id,group\na,x\nb\n", "cannot be read as csv: CSV parse error: Row #3"),
        ("t.csv", "account_id,group,exchanges\na,x,1 2\n", "column 'exchanges', row 1: '1 2'"),
        ("t.json", '[{"account_id": "a"}]', "is a JSON array"),
        ("t.json", '{"account_id": 7, "group": "x"}\n', "cannot be read as json"),
        ("t.json", '{"account_id": "a", "group": "x"}\n{', "cannot be read as json"),
        ("t.parquet", "PAR1", "is damaged or cut short"),
        ("t.xlsx", "", "cannot tell the format from the name"),
    ],
)
def test_damaged_files_are_refused(tmp_path, name, text, said):
    path = write(tmp_path / name, text)
    with pytest.raises(InputError) as caught:
        read_truth(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"account_id,group\n\xff,x\n")
    with pytest.raises(InputError, match=r"t\.csv: cannot be read as csv: .*UTF8"):
        read_truth(tmp_path / "t.csv")
    broken = pa.array([b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"account_id": broken, "group": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="column 'account_id' is not UTF-8"):
        read_truth(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("account_id", [1, 2, 3, 4], "column 'account_id' is int64; expected text: convert it"),
        ("group", [1, 2, 3, 4], "column 'group' is int64; expected text: convert it"),
        ("cohort", [1.5] * 4, "column 'cohort' is double; expected text: convert it"),
        ("exchanges", [True] * 4, "column 'exchanges' is bool; expected a number: convert it"),
    ],
)
def test_wrong_types_are_refused(column, values, said):
    with pytest.raises(InputError, match=f"the truth: {said}"):
        read_truth(ROWS | {column: values})


def test_what_is_no_table_is_refused():
    with pytest.raises(InputError, match="the truth is a int; expected a path or a table"):
        read_truth(3)
    with pytest.raises(InputError, match="required column 'group' is missing; found account_id"):
        read_truth({"account_id": ["a"]})


@pytest.mark.parametrize("column", ["group", "cohort", "exchanges"])
def test_contradictions_are_refused_with_both_rows(tmp_path, column):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    pq.write_table(pa.table(ROWS), first)
    other = {"group": "third", "cohort": "decoy", "exchanges": 9.0}[column]
    changed = {name: [values[0]] for name, values in ROWS.items()} | {column: [other]}
    pq.write_table(
        pa.table(
            {name: ["z", *values] for name, values in changed.items()}
            | ({"account_id": ["z", "b"], "exchanges": [1.0, *changed["exchanges"]]})
        ),
        second,
    )
    before = {"group": "second", "cohort": "campaign", "exchanges": 2.0}[column]
    with pytest.raises(InputError) as caught:
        read_truth(tmp_path)
    assert str(caught.value) == (
        f"{second}: row 2: account_id 'b' has {column} {other!r}, but {before!r} in {first}: row 1;"
        f" expected one {column} an account"
    )
