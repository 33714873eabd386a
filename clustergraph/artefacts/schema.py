"""The artefacts of a run: every column that users see, its type, its unit and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = "1"

_TIME = pa.timestamp("us", tz="UTC")
_TEXT, _COUNT, _REAL = pa.string(), pa.int64(), pa.float64()
_NUMBER, _FLAG = pa.int32(), pa.bool_()


def _column(name: str, kind: pa.DataType, unit: str, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"unit": unit, "meaning": meaning})


def _table(name: str, *columns: pa.Field) -> pa.Schema:
    return pa.schema(columns, metadata={"clustergraph.artefact": name, "clustergraph.schema": SCHEMA_VERSION})


# Of the extraction score. 1/2 says nothing, null that nothing is known; a cluster's are means by exchanges.
_PARTS = (
    _column("reasoning_elicitation", _REAL, "0..1", "asks for reasoning: think aloud, step by step, rubrics"),
    _column("template_concentration", _REAL, "0..1", "uses few templates"),
    _column("task_narrowness", _REAL, "0..1", "prompts and answers are of like length"),
    _column("round_the_clock", _REAL, "0..1", "active at all hours of the day"),
    _column("output_ratio", _REAL, "0..1", "answers are long beside their prompts"),
    _column("no_conversation", _REAL, "0..1", "exchanges stand alone in their conversations"),
)
EXTRACTION_PARTS = tuple(one.name for one in _PARTS)
CLUSTERS = _table(
    "clusters",
    _column("cluster_id", _TEXT, "id", "made from the members' ids"),
    _column("rank", _COUNT, "rank", "1 = first"),
    _column("accounts", _COUNT, "accounts", "members"),
    _column("exchanges", _COUNT, "exchanges", "sum over the members"),
    _column("input_tokens", _COUNT, "tokens", "sum over the members"),
    _column("output_tokens", _COUNT, "tokens", "sum over the members"),
    _column(
        "extraction_volume",
        _REAL,
        "exchanges",
        "what the rank is by: exchanges weighted by each member's score, or --volumes",
    ),
    _column("first_seen", _TIME, "UTC", "earliest sighting of a member"),
    _column("last_seen", _TIME, "UTC", "latest sighting of a member"),
    _column(
        "families", pa.list_(_TEXT), "families", "families of signals that hold it together, strongest first"
    ),
    _column("density", _REAL, "share", "ties inside, of all pairs of members"),
    _column("cohesion_bits", _REAL, "bits", "mean evidence of the ties inside"),
    _column("p_value", _REAL, "probability", "how likely chance alone makes a cluster this strong in a run"),
    _column("q_value", _REAL, "share", "false-discovery rate among the clusters at least this strong"),
    _column(
        "extraction_score",
        _REAL,
        "0..1",
        "how much the traffic looks like extraction: mean of the members', by exchanges; null if unknown",
    ),
    *_PARTS,
    _column(
        "coverage_p_value",
        _REAL,
        "probability",
        "how likely chance divides what fills templates so between the members; null if nothing tells",
    ),
    _column(
        "coverage_overlap",
        _REAL,
        "ratio",
        "pairs of uses of one filling by two members, of what chance gives",
    ),
    _column("known_hub_share", _REAL, "share", "memberships in shared signals that are known hubs, of all"),
    _column(
        "verified_accounts",
        _COUNT,
        "accounts",
        "members in any verified organisation; null without --accounts",
    ),
    _column("explained_by", _TEXT, "code", "legitimate sharing that explains it, if any"),
    _column("reason", _TEXT, "words", "what a reader should know before acting"),
)
MEMBERS = _table(
    "members",
    _column("cluster_id", _TEXT, "id", "of clusters.parquet"),
    _column("account_id", _TEXT, "id", "as in the input"),
    _column("exchanges", _COUNT, "exchanges", "of the account"),
    _column("input_tokens", _COUNT, "tokens", "of the account"),
    _column("output_tokens", _COUNT, "tokens", "of the account"),
    _column("extraction_volume", _REAL, "exchanges", "what the account adds to its cluster's rank"),
    _column("extraction_score", _REAL, "0..1", "how much its traffic looks like extraction; null if unknown"),
    *_PARTS,
    _column("ties", _COUNT, "ties", "inside its cluster"),
    _column("bits", _REAL, "bits", "evidence to the rest of its cluster"),
    _column("confidence", _REAL, "0..1", "how surely it belongs"),
)
EVIDENCE = _table(
    "evidence",
    _column("cluster_id", _TEXT, "id", "of clusters.parquet"),
    _column("kind", _TEXT, "kind", "of the signal"),
    _column("value", _TEXT, "value", "of the signal"),
    _column("family", _TEXT, "family", "of the kind"),
    _column("accounts", _COUNT, "accounts", "members that have it"),
    _column("accounts_everywhere", _COUNT, "accounts", "all accounts that have it"),
    _column("bits", _REAL, "bits", "its part of the evidence of the cluster's ties"),
)
LINKS = _table(
    "links",
    _column("cluster_id", _TEXT, "id", "of clusters.parquet"),
    _column("account_id", _TEXT, "id", "as in the input"),
    _column("kind", _TEXT, "kind", "of the signal"),
    _column("value", _TEXT, "value", "of the signal"),
    _column("exchanges", _COUNT, "exchanges", "of the account with the signal"),
    _column("first_seen", _TIME, "UTC", "earliest sighting of the account with the signal"),
    _column("last_seen", _TIME, "UTC", "latest sighting of the account with the signal"),
)
ACTIVITY = _table(
    "activity",
    _column("cluster_id", _TEXT, "id", "of clusters.parquet"),
    _column("account_id", _TEXT, "id", "as in the input"),
    _column("hour", _TIME, "UTC", "beginning of the hour"),
    _column("exchanges", _COUNT, "exchanges", "of the account in the hour"),
)
TIES = _table(
    "ties",
    _column("source", _TEXT, "id", "account id, before the target's in order"),
    _column("target", _TEXT, "id", "account id"),
    _column("bits", _REAL, "bits", "evidence against chance"),
    _column("shared", _COUNT, "signals", "that both accounts have"),
    _column("families", _COUNT, "families", "of signals that add to the evidence"),
)
TEMPLATES = _table(
    "templates",
    _column("kind", _TEXT, "kind", "of the signal"),
    _column("value", _TEXT, "id", "of the template, as in evidence.parquet and links.parquet"),
    _column(
        "text", _TEXT, "words", "what five accounts at least wrote alike, <*> for all else; null if nothing"
    ),
    _column("accounts", _COUNT, "accounts", "that have it, two at least"),
    _column("exchanges", _COUNT, "exchanges", "with it"),
    _column("first_seen", _TIME, "UTC", "earliest sighting"),
)
ACCOUNTS = _table(
    "accounts",
    _column("account_id", _TEXT, "id", "as in the input; the row, from 0, is the account's number"),
    _column("cluster_id", _TEXT, "id", "of clusters.parquet; null for an account in no cluster"),
    _column("exchanges", _COUNT, "exchanges", "of the account"),
    _column("first_seen", _TIME, "UTC", "earliest sighting of the account"),
    _column("last_seen", _TIME, "UTC", "latest sighting of the account"),
    _column(
        "slots",
        pa.list_(_NUMBER),
        "signals",
        "of each kind, in run.json's order, that the account has, those of nobody else included",
    ),
)
SIGNALS = _table(
    "signals",
    _column("kind", _TEXT, "kind", "of the signal; the row, from 0, is the signal's number"),
    _column("value", _TEXT, "value", "of the signal"),
    _column("accounts", _COUNT, "accounts", "all accounts that have it"),
    _column("stratum", _NUMBER, "number", "its kind, or its kind in one place; null where it counts nothing"),
    _column("stratum_slots", _COUNT, "pairs", "of an account and a signal in the stratum"),
    _column("cell", _NUMBER, "number", "signals of one stratum and degree; null where it counts nothing"),
    _column("chance", _REAL, "signals", "of the cell that a pair of slots has in common by chance"),
    _column("weight", _REAL, "0..1", "what a bit of evidence from it counts"),
    _column("unnatural", _FLAG, "flag", "more accounts have it than is natural for its kind"),
)
INCIDENCE = _table(
    "incidence",
    _column("signal", _NUMBER, "number", "row of signals.parquet, from 0"),
    _column("account", _NUMBER, "number", "row of accounts.parquet, from 0"),
    _column("slots", _NUMBER, "signals", "of the signal's stratum that the account has"),
    _column("times", pa.list_(_TIME), "UTC", "when the account used it; null for kinds without a window"),
)
# Accounts of a cluster that nobody wants to wait for. Such clusters are few, so they cost a run little.
LARGE = 1_000
HOLDING = _table(
    "holding",
    _column("cluster_id", _TEXT, "id", f"of clusters.parquet; a cluster of {LARGE:,} accounts or more"),
    _column("holding", _TEXT, "JSON", "what holds it together, as `explain` tells it"),
)

ARTEFACTS: dict[str, pa.Schema] = {
    "clusters": CLUSTERS,
    "members": MEMBERS,
    "evidence": EVIDENCE,
    "links": LINKS,
    "activity": ACTIVITY,
    "ties": TIES,
    "templates": TEMPLATES,
    "accounts": ACCOUNTS,
    "signals": SIGNALS,
    "incidence": INCIDENCE,
    "holding": HOLDING,
}

# What is found again from the others where a run of an earlier version has it not.
REDUNDANT = frozenset({"holding"})

# How large artefacts are laid out: half the size, and read in a third of the time.
LAYOUTS: dict[str, dict[str, Any]] = {
    "ties": {
        "dictionary_pagesize_limit": 1 << 26
    },  # every account id once a row group, however many there are
    "incidence": {
        "use_dictionary": ["slots"],
        "column_encoding": {"signal": "DELTA_BINARY_PACKED", "account": "DELTA_BINARY_PACKED"},
    },
}

# What a night adds to the clusters of a run.
_NIGHTLY_COLUMNS = (
    _column("exchanges_1d", _COUNT, "exchanges", "sum over the members on the last day with data"),
    _column("exchanges_7d", _COUNT, "exchanges", "sum over the members on the last seven days with data"),
    _column(
        "exchanges_lifetime", _COUNT, "exchanges", "of all accounts that are or last were members, since ever"
    ),
    _column("accounts_active", _COUNT, "accounts", "members seen on the last day with data"),
    _column("accounts_banned", _COUNT, "accounts", "members that are banned; null without --accounts"),
    _column("accounts_new", _COUNT, "accounts", "members first seen tonight"),
    _column(
        "replacement_rate", _REAL, "share",
        "accounts named as regrowth, of the banned accounts that are or last were members; null without any",
    ),
    _column("decision", _TEXT, "word", "confirmed, cleared or watch: what was decided on it and holds"),
)  # fmt: skip
NIGHTLY_CLUSTERS = pa.schema([*CLUSTERS, *_NIGHTLY_COLUMNS], metadata=CLUSTERS.metadata)
LINEAGE = _table(
    "lineage",
    _column("cluster_id", _TEXT, "id", "made from the night of birth and the members at birth"),
    _column(
        "event", _TEXT, "word", "born, continued, grew, shrank, merged, split, dormant, returned or died"
    ),
    _column("from_ids", pa.list_(_TEXT), "ids", "earlier clusters that members come from, most first"),
    _column("into_ids", pa.list_(_TEXT), "ids", "where most of a cluster that fell dormant has gone"),
    _column("overlap", _REAL, "share", "weight of the members of both nights, of those of either"),
    _column("accounts_joined", _COUNT, "accounts", "members that were none on the last night"),
    _column("accounts_left", _COUNT, "accounts", "members of the last night that are none"),
    _column("volume_change", _REAL, "exchanges", "extraction volume against the last night's"),
)
REGROWTH = _table(
    "regrowth",
    _column("account_id", _TEXT, "id", "that was not seen before the cluster's first ban or confirmation"),
    _column("cluster_id", _TEXT, "id", "with banned or confirmed members, to which it is tied"),
    _column("bits", _REAL, "bits", "evidence that it is of the cluster"),
    _column("evidence", pa.list_(_TEXT), "signals", "kind=value that it shares with members, rarest first"),
    _column(
        "nights_since_ban",
        _COUNT,
        "nights",
        "since the cluster's latest ban; null if nobody is banned, or no ban dated",
    ),
)
DECISIONS = _table(
    "decisions",
    _column("cluster_id", _TEXT, "id", "of clusters.parquet"),
    _column("decision", _TEXT, "word", "confirmed, cleared or watch"),
    _column("decided_by", _TEXT, "name", "who decided"),
    _column("reason", _TEXT, "words", "why"),
    _column("decided_at", _TIME, "UTC", "when"),
    _column("night", _TEXT, "date", "last night at that time; it counts from the next one on"),
    _column("holds", pa.bool_(), "yes or no", "whether it holds for the cluster as it is tonight"),
    _column("note", _TEXT, "words", "why it does not hold any more"),
    _column("decided_id", _TEXT, "id", "cluster that it was made on; another one after a merge or a split"),
    _column("number", _COUNT, "entry", "of the store's log of decisions"),
)
# All decisions of a store, as they are exported.
DECISION_LOG = _table(
    "decision_log",
    _column("number", _COUNT, "entry", "of the log, from 1"),
    _column("cluster_id", _TEXT, "id", "cluster that it is on"),
    _column("decision", _TEXT, "word", "confirmed, cleared, watch or undo"),
    _column("decided_by", _TEXT, "name", "who decided"),
    _column("reason", _TEXT, "words", "why"),
    _column("decided_at", _TIME, "UTC", "when"),
    _column("night", _TEXT, "date", "last night at that time; it counts from the next one on"),
    _column("found_on", _TEXT, "date", "night on which the cluster was last found; null for undo"),
    _column("accounts", _COUNT, "accounts", "members on that night; null for undo"),
    _column("undoes", _COUNT, "entry", "that is taken back; null but for undo"),
    _column("in_force", pa.bool_(), "yes or no", "whether it is neither replaced nor taken back"),
)
NIGHTLY_ARTEFACTS: dict[str, pa.Schema] = {
    **ARTEFACTS,
    "clusters": NIGHTLY_CLUSTERS,
    "lineage": LINEAGE,
    "regrowth": REGROWTH,
    "decisions": DECISIONS,
}
# What nights of earlier versions have not, and columns that their other artefacts have not.
LATER_ARTEFACTS = frozenset({"accounts", "signals", "incidence", "templates", "decisions", "holding"})
LATER_COLUMNS = frozenset({"decision"})


def mark_degraded(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Mark artefacts of an input of which many rows were set aside, in the metadata of their schemas."""
    return {
        name: table.replace_schema_metadata({**table.schema.metadata, b"clustergraph.degraded": b"true"})
        for name, table in tables.items()
    }


def fill_schema(schema: pa.Schema, columns: Mapping[str, Any], rows: int) -> pa.Table:
    """Put columns in the order and types of ``schema``; what has no values yet is null."""
    arrays = []
    for field in schema:
        values = columns.get(field.name)
        if values is None:
            arrays.append(pa.nulls(rows, field.type))
        elif isinstance(values, pa.Array | pa.ChunkedArray):
            arrays.append(values.cast(field.type))  # the engine's times are in UTC and carry no zone
        else:
            arrays.append(pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema).combine_chunks()
