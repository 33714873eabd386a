"""Prompts in an input: read as templates, never kept, never shown; by run and night after night."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.runs import Run, open_run
from clustergraph.engines.duckdb import DuckDBEngine
from clustergraph.errors import InputError
from clustergraph.investigation.explanation import explain
from clustergraph.investigation.wording import Wording, list_wordings
from clustergraph.sightings.reading import read
from tests.commands import call

NOON = datetime(2026, 3, 1, 12)
ASKED = "summarise what the committee of {} decided about the harbour and who objected to it"
TOWNS = [
    f"{a}{b}{c}" for a in "BDGKLMPRST" for b in ("al", "en", "or", "ur") for c in ("burg", "mouth", "ville")
]
SECRETS = ("Hortensia Quimby", "swordfish-marmalade", "quimby@hidden.example", "sk-quimbykeyquimbykey")


def rows_of(accounts=40, each=5, day=NOON, secrets=()):
    """Rows of accounts that ask the same of different towns; the first ones give something away besides."""
    rng = random.Random(f"{day}")
    rows = []
    for n in range(accounts):
        asked = [ASKED.format(rng.choice(TOWNS)) for _ in range(each)]
        if n < len(secrets):
            asked[0] += f". {secrets[n]} knows more"
            asked[1] = f"tell nobody that {secrets[n]} is here"
        rows += [
            {"account_id": f"a{n}", "timestamp": day + timedelta(minutes=n + k), "prompt": prompt}
            for k, prompt in enumerate(asked)
        ]
    return rows


def write(path, rows, names=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    table = table.select(names) if names else table
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        pacsv.write_csv(table, path)
    else:
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
    return path


def templates_of(path, folder):
    """Give what was read: a template of each account and minute."""
    with DuckDBEngine(folder, threads=2) as engine:
        found = read([path], engine=engine)
        rows = engine.fetch("SELECT account_id, kind, value, first_seen FROM sightings").to_pylist()
        kept = engine.fetch(
            "SELECT t.table_name FROM information_schema.columns c JOIN information_schema.tables t"
            " USING (table_name) WHERE column_name IN ('prompt', 'raw_prompt') AND table_type = 'BASE TABLE'"
        )
        assert kept.num_rows == 0
        return found, sorted(tuple(row.values()) for row in rows)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_prompts_become_templates_whatever_the_format(tmp_path, ending):
    found, rows = templates_of(write(tmp_path / f"in.{ending}", rows_of()), tmp_path)
    assert (found.kinds, found.families) == (("prompt_template",), {"prompt_template": "content"})
    assert len(rows) == 200
    assert len({row[2] for row in rows}) == 1
    assert found.templates["template_id"].to_pylist() == [rows[0][2]]
    assert found.templates["text"].to_pylist() == [ASKED.format("<*>")]


def test_templates_that_are_given_are_taken(tmp_path):
    rows = rows_of()
    for n, row in enumerate(rows):
        row["prompt_template"] = f"given-{n % 3}"
    _, found = templates_of(write(tmp_path / "in.parquet", rows), tmp_path)
    assert {row[2] for row in found} == {"given-0", "given-1", "given-2"}
    for row in rows[:100]:
        row["prompt_template"] = None
    _, found = templates_of(write(tmp_path / "in.jsonl", rows), tmp_path)
    values = [row[2] for row in found]
    assert len(values) == 200
    assert sum(value.startswith("tpl_") for value in values) == 100


def test_json_without_prompts_is_read_as_before(tmp_path):
    rows = [{"account_id": f"a{n}", "ip": f"192.0.2.{n}", "event_id": f"e{n % 20}"} for n in range(30)]
    with DuckDBEngine(tmp_path, threads=2) as engine:
        found = read([write(tmp_path / "in.jsonl", rows)], engine=engine)
        kept = engine.fetch("SELECT value FROM sightings WHERE kind = 'ip'")
        events = engine.fetch("SELECT event FROM counted_events")
    assert (found.kinds, found.duplicates, len(kept), len(events)) == (("ip", "ip_prefix"), 10, 20, 20)


def test_a_signal_named_prompt_is_no_text_either(tmp_path):
    path = write(tmp_path / "in.parquet", rows_of())
    with DuckDBEngine(tmp_path, threads=1) as engine:
        found = read([path], engine=engine, signals={"prompt": "wording"})
        values = engine.fetch("SELECT DISTINCT kind, value FROM sightings").to_pylist()
    assert found.kinds == ("wording",)
    assert [row["kind"] for row in values] == ["wording"]
    assert values[0]["value"].startswith("tpl_")


def test_long_prompts_are_set_aside_and_not_shown(tmp_path):
    rows = rows_of()
    rows[7]["prompt"] = SECRETS[1] + " x" * 40_000
    found, kept = templates_of(write(tmp_path / "in.csv", rows), tmp_path)
    (reason,) = found.rejected
    assert reason == "prompt: over 64 KiB"
    assert found.rejected[reason].examples[0].value is None
    assert found.rejected[reason].examples[0].row is not None
    assert len(kept) == 199


def test_too_many_faults_are_told_without_a_prompt(tmp_path):
    lines = ["account_id,prompt", *(f"a{n},{SECRETS[0]},{SECRETS[1]}" for n in range(9)), "a,b"]
    path = tmp_path / "in.csv"
    path.write_text("\n".join(lines) + "\n")
    with DuckDBEngine(tmp_path, threads=1) as engine, pytest.raises(InputError) as error:
        read([path], engine=engine)
    assert "too many columns in 9" in str(error.value)
    assert not any(secret in str(error.value) for secret in SECRETS)


def test_text_that_is_not_utf8_is_not_shown(tmp_path):
    texts = pa.array([SECRETS[1].encode() + b"\n\xff"] * 9, pa.binary())
    prompts = pa.Array.from_buffers(pa.string(), 9, texts.buffers())
    pq.write_table(pa.table({"account_id": ["a"] * 9, "prompt": prompts}), tmp_path / "x.parquet")
    done = call("run", tmp_path / "x.parquet", "--out", tmp_path / "out")
    assert done.code == 3
    assert "x.parquet" in done.err
    assert "swordfish" not in done.err


def test_a_comma_too_many_shows_no_prompt(tmp_path):
    lines = ["account_id,prompt,exchanges,ip", *(f"a{n},{SECRETS[1]},1,192.0.2.{n}" for n in range(99))]
    lines += [f"b,hello, {SECRETS[1]},192.0.2.1"]
    path = tmp_path / "in.csv"
    path.write_text("\n".join(lines) + "\n")
    found, _ = templates_of(path, tmp_path)
    assert list(found.rejected) == ["exchanges: not a whole number"]
    assert found.rejected["exchanges: not a whole number"].examples[0].value is None


def everything(folder):
    """Give all bytes below a folder, and all texts of its Parquet files."""
    said = []
    for path in folder.rglob("*"):
        if path.is_file():
            said.append(path.read_bytes().decode("latin-1"))
            if path.suffix == ".parquet":
                said.append(json.dumps(pq.read_table(path, partitioning=None).to_pylist(), default=str))
    return "\n".join(said)


def test_nothing_that_was_prompted_is_found_anywhere(tmp_path):
    rows = rows_of(secrets=SECRETS)
    rows += [{**row, "account_id": None} for row in rows[:2]]
    path = write(tmp_path / "in.jsonl", rows)
    with path.open("a") as file:
        file.write(f'{{"account_id": "a1", "prompt": ["{SECRETS[0]}"]}}\n{{"prompt": "{SECRETS[1]}\n')
    out, store = tmp_path / "out", tmp_path / "store"
    said = [call("run", path, "--out", out), call("top", out), call("top", out, "--json")]
    said += [call("nightly", path, "--store", store, "--date", "2026-03-01", "--log-format", "json")]
    assert [one.code for one in said] == [0, 0, 0, 0]
    told = "\n".join([everything(out), everything(store), *(one.out + one.err for one in said)])
    assert ASKED.format("<*>") in told
    words = [word for secret in SECRETS for word in secret.replace("@", " ").split()]
    assert not [one for one in (*SECRETS, *words, *TOWNS) if one in told or one.lower() in told]


def sha(folder):
    json.loads((folder / "run.json").read_text())
    return {
        name: one["sha256"]
        for name, one in json.loads((folder / "run.json").read_text())["artefacts"].items()
    }


def test_neither_rows_nor_threads_change_a_byte(tmp_path):
    rows = rows_of(accounts=60, secrets=SECRETS)
    write(tmp_path / "one.parquet", rows)
    random.Random(1).shuffle(rows)
    write(tmp_path / "two" / "a.parquet", rows[:70])
    write(tmp_path / "two" / "b.parquet", rows[70:], ["prompt", "account_id", "timestamp"])
    assert call("run", tmp_path / "one.parquet", "--out", tmp_path / "x", "--threads", 1).code == 0
    assert call("run", tmp_path / "two", "--out", tmp_path / "y", "--threads", 3).code == 0
    assert sha(tmp_path / "x") == sha(tmp_path / "y")
    (row,) = open_run(tmp_path / "x").templates.slice(0, 1).to_pylist()
    assert (row["accounts"], row["kind"]) == (60, "prompt_template")


def test_a_template_keeps_its_id_in_a_store(tmp_path):
    store, ids = tmp_path / "store", []
    for day, (accounts, each) in enumerate(((40, 5), (3, 1), (30, 4))):
        path = write(tmp_path / f"{day}.parquet", rows_of(accounts, each, NOON + timedelta(days=day)))
        for _ in range(2):  # the night again: the same bytes
            accept = ["--accept", "volume", "--by", "me", "--reason", "a small night"]
            done = call("nightly", path, "--store", store, "--date", f"2026-03-0{day + 1}", *accept)
            assert done.code == 0, done.err
            night = store / "runs" / f"dt=2026-03-0{day + 1}"
            ids.append((sha(night), open_run(night).templates.to_pylist()))
    assert ids[0] == ids[1]
    assert ids[2] == ids[3]
    for _, rows in ids:
        assert [row["value"] for row in rows] == [ids[0][1][0]["value"]]
        assert rows[0]["text"] == ASKED.format("<*>")
    assert call("check", "--store", store).code == 0


def test_campaigns_are_found_by_paraphrased_prompts_alone(tmp_path):
    world = tmp_path / "world"
    options = ["--evasion", 0.5, "--prompts", "--own-infrastructure", "--seed", 11]
    assert call("simulate", world, *options).code == 0
    events = pq.read_table(world / "events")
    assert "prompt_template" not in events.column_names
    assert call("run", world / "events", "--out", tmp_path / "out", "--quiet").code == 0
    members = open_run(tmp_path / "out").members.to_pandas()
    truth = pq.read_table(world / "truth.parquet").to_pandas()
    for name in ("campaign-hydra", "campaign-pathways", "campaign-synchronised"):
        group = set(truth.loc[truth["group"] == name, "account_id"])
        best = max(
            2 * len(group & set(of["account_id"])) / (len(group) + len(of))
            for _, of in members.groupby("cluster_id")
        )
        assert best >= 0.9, name
    run = open_run(tmp_path / "out")
    found = explain(run, 1)
    texts = {row["value"]: row["text"] for row in run.templates.to_pylist()}
    assert 1 <= len(found.wordings) <= 5
    assert all(one.text == texts[one.value] and "<*>" in one.text for one in found.wordings)
    assert all(2 <= one.accounts <= one.accounts_everywhere for one in found.wordings)
    assert [one.bits for one in found.wordings] == sorted((one.bits for one in found.wordings), reverse=True)
    said = call("explain", tmp_path / "out", 1).out
    assert "What they ask" in said
    assert found.wordings[0].value in said
    assert found.wordings[0].text[:20] in said


def test_episodes_of_a_template_are_one_wording():
    templates = pa.table({"kind": ["p"], "value": ["t1"], "text": ["Tell me of <*>"]})
    run = Run({}, None, {"templates": templates})
    rows = [("p", "t1 @ 2026-02-02T10:05:03Z", 5), ("q", "t1", 4), ("p", "t1 @ 2026-02-03T10:05:03Z", 3)]
    evidence = pa.Table.from_pylist(
        [
            {"kind": kind, "value": value, "accounts": n, "accounts_everywhere": 9, "bits": float(n)}
            for kind, value, n in rows
        ]
    )
    assert list_wordings(run, evidence, 5) == (Wording("t1", "Tell me of <*>", 5, 9, 5.0),)
