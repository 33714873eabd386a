"""From codes to Parquet: events by night, accounts, truth, and groups by night."""

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clustergraph.simulation.addresses import address_strings, asn_strings
from clustergraph.simulation.banks import bank_columns
from clustergraph.simulation.cohort import Cohort
from clustergraph.simulation.emails import unique
from clustergraph.simulation.prompts import write_prompts
from clustergraph.simulation.requests import COLUMNS, request_columns
from clustergraph.simulation.rhythm import DAY
from clustergraph.simulation.rows import MODELS, Rows
from clustergraph.simulation.tally import Tally
from clustergraph.simulation.tokens import Ints, hex_strings, mint, numbered, scramble
from clustergraph.simulation.world import World

ROW_GROUP = 500_000
PATHWAYS = ("standard", "education", "research", "startup")
# User agents with the platform each stands for; the last four are the popular tools'.
AGENTS: tuple[tuple[str, str], ...] = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/144.0", "web"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_3) Safari/605.1", "web"),
    ("Mozilla/5.0 (X11; Linux x86_64) Firefox/147.0", "web"),
    ("python-httpx/0.28.1", "api"),
    ("atlas-python/1.12.0", "api"),
    ("atlas-python/1.9.3", "api"),
    ("atlas-node/2.4.1", "api"),
    ("atlas-go/0.8.0", "api"),
    ("curl/8.11.0", "api"),
    ("Atlas/4.2 (iPhone; iOS 19.2)", "ios"),
    ("Atlas/4.2 (Android 16)", "android"),
    ("okhttp/5.0.0", "api"),
    ("quillcode/1.31.0", "api"),
    ("paperboat/0.14.2", "api"),
    ("hearth-agent/3.2.0", "api"),
    ("tidepool/0.9.7", "api"),
)
_AGENT = pa.array([agent for agent, _ in AGENTS])
_PLATFORM = pa.array([platform for _, platform in AGENTS])
_MODEL = pa.array(MODELS)
_PATHWAY = pa.array(PATHWAYS)
_MOMENT = pa.timestamp("us", tz="UTC")
_COMPRESSION = {"compression": "zstd", "compression_level": 1, "store_schema": False}

EVENTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("timestamp", _MOMENT),
        ("payment_fingerprint", pa.string()),
        ("ip", pa.string()),
        ("device_id", pa.string()),
        ("prompt_template", pa.string()),
        ("model", pa.string()),
        ("user_agent", pa.string()),
        ("platform", pa.string()),
        ("country", pa.string()),
        ("asn", pa.string()),
        ("exchanges", pa.int64()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
    ]
)
# With prompts, what the templates were stays in a column that no reader knows.
PROMPTED = pa.schema(
    [one if one.name != "prompt_template" else pa.field("prompt", pa.string()) for one in EVENTS]
    + [("true_template", pa.string())]
)
# What worlds with details have beside.
DETAILED = tuple(
    pa.field(name, pa.string()) for name in (*COLUMNS, "card_bin", "card_country", "conversation_id")
)
_FEW = ["model", "user_agent", "platform", "country", "asn", *COLUMNS, "card_bin", "card_country"]


def account_ids(world: World, number: Ints) -> pa.Array:
    """Opaque ids: neither they nor their order say anything about an account."""
    return hex_strings("acct_", scramble(mint("account", number), world.seed))


def write_night(path: Path, world: World, night: int, rows: Rows, operators: Collection[str]) -> None:
    """Write the rows of one night; ``operators`` are the cohorts that extract."""
    path.parent.mkdir(parents=True)
    schema = PROMPTED if world.prompts else EVENTS
    if world.details:
        schema = pa.schema([*schema, *DETAILED])
    with pq.ParquetWriter(path, schema, use_dictionary=_FEW, **_COMPRESSION) as writer:
        for begin in range(0, max(1, rows.account.size), ROW_GROUP):
            part = slice(begin, begin + ROW_GROUP)
            table = events(world, night, rows, part)
            if world.prompts:
                prompts = write_prompts(
                    world, night, begin, rows.account[part], rows.template[part], operators
                )
                table = table.append_column("prompt", prompts)
                table = table.append_column("true_template", table["prompt_template"])
            for name, column in _details(world, rows, part).items():
                table = table.append_column(name, column)
            writer.write_table(table.select(schema.names))


def events(world: World, night: int, rows: Rows, part: slice) -> pa.Table:
    """A part of the rows as people see them."""
    device, agent = rows.device[part], pa.array(rows.agent[part])
    ip, asn, country = address_strings(rows.address[part], device ^ np.uint64(night))

    def secret(prefix: str, name: str) -> pa.Array:
        codes = getattr(rows, name)[part]
        text = hex_strings(prefix, scramble(codes, world.seed))
        return pc.if_else(pa.array(codes != 0), text, pa.scalar(None, pa.string()))

    columns = {
        "account_id": account_ids(world, rows.account[part]),
        "timestamp": _moments(world, night * DAY + rows.second[part]),
        "payment_fingerprint": secret("card_", "card"),
        "ip": ip,
        "device_id": secret("dev_", "device"),
        "prompt_template": secret("tpl_", "template"),
        "model": _MODEL.take(pa.array(rows.model[part])),
        "user_agent": _AGENT.take(agent),
        "platform": _PLATFORM.take(agent),
        "country": country,
        "asn": asn,
        "exchanges": pa.array(rows.exchanges[part]),
        "input_tokens": pa.array(rows.input_tokens[part]),
        "output_tokens": pa.array(rows.output_tokens[part]),
    }
    return pa.table(columns, EVENTS)


def _details(world: World, rows: Rows, part: slice) -> dict[str, pa.Array]:
    """The columns of a part of the rows that only worlds with details have."""
    if rows.bank is None or rows.request is None or rows.conversation is None:
        return {}
    number, country = bank_columns(rows.bank[part])
    conversation = hex_strings("conv_", scramble(rows.conversation[part], world.seed))
    return request_columns(rows.request[part]) | {
        "card_bin": number,
        "card_country": country,
        "conversation_id": conversation,
    }


def write_accounts(directory: Path, world: World, cohorts: list[Cohort]) -> None:
    """Write accounts.parquet, by account id."""
    accounts = pa.concat_tables([_accounts(world, cohort) for cohort in cohorts])
    details = [cohort.details for cohort in cohorts if cohort.details is not None]
    if details:
        emails = unique([email for one in details for email in one.emails])
        networks = np.concatenate([one.network for one in details])
        accounts = accounts.append_column("email", pa.array(emails))
        accounts = accounts.append_column("asn", asn_strings(networks))
    _write_by_id(directory / "accounts.parquet", world, accounts)


def write_truth(directory: Path, world: World, truth: pa.Table, tally: Tally) -> None:
    """Write truth.parquet, by account id, and group_nights.parquet, by night and group."""
    counted = truth.append_column("exchanges", pa.array(tally.exchanges))
    _write_by_id(directory / "truth.parquet", world, counted)
    pq.write_table(tally.group_nights(), directory / "group_nights.parquet", **_COMPRESSION)


def _write_by_id(path: Path, world: World, table: pa.Table) -> None:
    ids = account_ids(world, np.arange(table.num_rows))
    pq.write_table(table.add_column(0, "account_id", ids).take(pc.sort_indices(ids)), path, **_COMPRESSION)


def _accounts(world: World, cohort: Cohort) -> pa.Table:
    gone = cohort.leave < world.nights
    status = np.where(cohort.banned, 1, np.where(gone, 2, 0))
    left = np.where(gone, cohort.leave * DAY, 0.0)
    organization = scramble(mint(cohort.organization_label, np.maximum(cohort.organization, 0)), world.seed)
    member = pa.array(cohort.organization >= 0)
    null = pa.scalar(None, pa.string())
    return pa.table(
        {
            "created_at": _moments(world, cohort.created),
            "status": pa.array(["active", "banned", "closed"]).take(pa.array(status)),
            "banned_at": pc.if_else(pa.array(cohort.banned), _moments(world, left), pa.scalar(None, _MOMENT)),
            "organization_id": pc.if_else(member, hex_strings("org_", organization, 12), null),
            "pathway": _PATHWAY.take(pa.array(cohort.pathway)),
        }
    )


def true_groups(cohorts: list[Cohort]) -> pa.Table:
    """The cohort, group and infrastructure of every account, by its number in the world."""
    return pa.concat_tables([_truth(cohort) for cohort in cohorts])


def _truth(cohort: Cohort) -> pa.Table:
    behind = np.full(cohort.accounts, -1) if cohort.infrastructure is None else cohort.infrastructure
    return pa.table(
        {
            "cohort": pa.repeat(pa.scalar(cohort.name), cohort.accounts),
            "group": numbered(cohort.group_label, cohort.group),
            "infrastructure": numbered(cohort.infrastructure_label, behind),
        }
    )


def _moments(world: World, seconds: np.ndarray) -> pa.Array:
    since_epoch = world.start.timestamp() + np.asarray(seconds, np.float64)
    return pa.array(np.round(since_epoch * 1_000).astype(np.int64) * 1_000).cast(_MOMENT)


def partition_name(world: World, night: int) -> str:
    """The folder of one night, as Hive writes it."""
    return f"dt={(world.start + timedelta(days=night)).date().isoformat()}"
