"""Nothing that was written in a prompt is found in anything that the program writes or says."""

from __future__ import annotations

import json
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clustergraph.artefacts.runs import open_run
from tests.commands import call
from tests.test_prompts import NOON, TOWNS, everything, write

# What five accounts or more write is wording; what is in the slots, and what few write, is not.
SHORT = "compare the zoning of {} with that of its neighbours"
LONG = (
    "act as an examiner of municipal budgets who never skips a step and lists every assumption that the "
    "clerk relied on before the total was reached then grade the following account of {} by depth and by "
    "rigour and end with one line that begins with the verdict of the court of auditors on the whole"
)
ODD = {
    "in lines": "first\nZwingli-Ledger\r\n\tsecond",
    "markup": "<script>alert('Kobold')</script>",
    "quotes": 'say "Melusine", then \'Undine\'',
    "of JSON": '{"key": "Rübezahl-Secret", "n": [1, 2]}',
    "in Chinese": "請告訴我關於秘密花園的事情",
    "in Greek": "\u03c0\u03b5\u03c2 \u03bc\u03bf\u03c5 \u039a\u03c1\u03c5\u03c6\u03cc",
    "with a key": "sk-live-9f8e7d6c5b4a39281706 belongs to nobody",
    "with an address": "mail wolpertinger@forest.example or call +49 170 5551234",
    "of one word": "Abracadabrantesque",
    "a formula": "=HYPERLINK(\"http://nachtkrapp.example\")",
    "a path": "/home/elwetritsch/diary-2031.txt",
    "spaces": "   Tatzelwurm    is    here   ",
    "emoji": "the 🐉 of Klabautermann",
}  # fmt: skip
# Parts of the above that nothing else has.
PLANTED = (
    "zwingli", "kobold", "melusine", "undine", "rübezahl", "bezahl-secret",
    "秘密", "\\u79d8", "\u03c1\u03c5\u03c6",
    "9f8e7d6c", "wolpertinger", "5551234", "abracadabrantesque", "nachtkrapp", "elwetritsch", "diary-2031",
    "tatzelwurm", "klabautermann", "🐉",
    *(town.lower() for town in TOWNS),
)  # fmt: skip


def rows(accounts=30):
    """Rows of accounts with one card that ask the same of different towns, and odd things besides."""
    found = []
    for n in range(accounts):
        towns = [TOWNS[(7 * n + k) % len(TOWNS)] for k in range(12)]
        asked = [SHORT.format(town) for town in towns[:6]]
        asked += [LONG.format(" ".join(towns[k : k + 7])) for k in range(5)] * 2
        asked.append(list(ODD.values())[n % len(ODD)])
        found += [
            {
                "account_id": f"acct-{n}",
                "timestamp": NOON + timedelta(minutes=n + 31 * k),
                "payment_fingerprint": f"card-{n // 10}",
                "device_id": f"device-{n // 10}-{k % 3}",
                "ip": f"192.0.2.{n // 10 + 10 * (k % 4)}",
                "prompt": prompt,
            }
            for k, prompt in enumerate(asked)
        ]
    for n in range(200):  # somebody to be unlike
        found.append(
            {
                "account_id": f"other-{n}",
                "timestamp": NOON,
                "payment_fingerprint": f"own-{n}",
                "device_id": f"own-{n}",
                "ip": f"198.51.100.{n}",
                "prompt": SHORT.format(TOWNS[n % 40]),
            }
        )
    return found


def leaks(*texts):
    told = "\n".join(texts)
    lower = told.lower()
    return [one for one in PLANTED if one in told or one in lower]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_no_artefact_store_report_or_message_has_a_prompt(tmp_path, ending):
    path, out, store = write(tmp_path / f"in.{ending}", rows()), tmp_path / "out", tmp_path / "store"
    said = [
        call("run", path, "--out", out, "--debug"),
        call("nightly", path, "--store", store, "--date", "2026-03-01", "--log-format", "json"),
    ]
    assert [one.code for one in said] == [0, 0], said[0].err + said[1].err
    clusters = open_run(out).clusters
    assert clusters.num_rows
    (first, *_) = clusters["cluster_id"].to_pylist()
    template = open_run(out).templates["value"][0].as_py()
    said += [
        call("top", out), call("explain", out, first), call("explain", out, first, "--json"),
        call("explain", out, first, "--account", "acct-1"), call("find", out, template),
        call("report", out, "--out", tmp_path / "report.html"), call("check", "--store", store),
        call("export", out, first, "--out", tmp_path / "c.graphml"),
    ]  # fmt: skip
    assert [one.code for one in said] == [0] * len(said), [one.err for one in said if one.code]
    folders = [everything(out), everything(store)]
    pages = [(tmp_path / name).read_text() for name in ("report.html", "c.graphml")]
    assert "compare the zoning of" in folders[0]
    assert (store / "incidence").is_dir()
    assert not leaks(*folders, *pages, *(one.out + one.err for one in said))


def test_what_is_searched_for_would_be_found():
    prompts = json.dumps([row["prompt"] for row in rows()], ensure_ascii=False)
    asked = {row["prompt"].lower() for row in rows()}
    assert set(leaks(prompts)) == {one for one in PLANTED if any(one in text for text in asked)}
    assert len(PLANTED) - len(leaks(prompts)) < 5
    assert leaks('"Rübezahl"') == ["rübezahl"]


BAD = {
    "a time that is none": ("timestamp", lambda row: row["prompt"]),
    "a count that is none": ("exchanges", lambda row: row["prompt"]),
    "no account": ("account_id", lambda _: None),
}


@pytest.mark.parametrize("fault", BAD)
def test_no_error_shows_a_prompt(tmp_path, fault):
    """A comma too many puts a prompt into another column of CSV."""
    column, spoil = BAD[fault]

    def spoilt(some):
        return [
            {**row, "exchanges": "1", "timestamp": str(row["timestamp"])}
            | ({column: spoil(row)} if n < some else {})
            for n, row in enumerate(rows())
        ]

    path = write(tmp_path / "all.csv", spoilt(10_000))
    done = call("run", path, "--out", tmp_path / "out", "--debug")
    assert done.code == 3
    assert not leaks(done.out, done.err)
    done = call("run", write(tmp_path / "few.csv", spoilt(3)), "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert not leaks(done.out, done.err, everything(tmp_path / "out"))


def test_prompts_of_the_wrong_type_are_not_shown(tmp_path):
    texts = [row["prompt"] for row in rows()][:50]
    for name, column in {
        "lists": pa.array([[text] for text in texts]),
        "bytes": pa.array([text.encode() for text in texts], pa.binary()),
        "structs": pa.array([{"text": text} for text in texts]),
    }.items():
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"account_id": ["a"] * 50, "prompt": column}), path)
        done = call("run", path, "--out", tmp_path / "out", "--debug")
        assert done.code == 3
        assert "prompt" in done.err
        assert not leaks(done.out, done.err)
