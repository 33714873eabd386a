"""Make sightings of signals that are derived from the columns of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal, quote
from clustergraph.sightings.expressions import ACCOUNTS
from clustergraph.sightings.faults import LONGEST
from clustergraph.sightings.layouts import ADDRESS, COUNTS
from clustergraph.sightings.places import write_place
from clustergraph.sightings.side_tables import is_time

if TYPE_CHECKING:
    from collections.abc import Collection

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.expressions import Derivation, Expression
    from clustergraph.sightings.survey import Columns

FACTS = "account_facts"
_PLACE = quote("place of the row")
_VALUE = f"CASE WHEN strlen(value) > {LONGEST} THEN md5(value) ELSE value END AS value"
_SIGHTINGS = f"""
SELECT account_id, {{kind}} AS kind, {_VALUE},
       "timestamp" AS first_seen, "timestamp" AS last_seen, {", ".join(COUNTS)}, {_PLACE} AS place
FROM (
    SELECT account_id, "timestamp", {", ".join(COUNTS)}, {_PLACE}, CAST((
{{expression}}
) AS VARCHAR) AS value
    FROM ({{rows}})
)
WHERE value <> ''
"""
# Of what is known of accounts alone: once for each account.
_OF_ACCOUNTS = f"""
SELECT account_id, {_VALUE} FROM (SELECT account_id, CAST((
{{expression}}
) AS VARCHAR) AS value FROM ({{rows}}))
WHERE value <> ''
"""
_SIGHTINGS_OF_ACCOUNTS = f"""
SELECT account_id, {{kind}} AS kind, d.value, "timestamp" AS first_seen, "timestamp" AS last_seen,
       {", ".join(COUNTS)}, {{place}} AS place
FROM {{relation}} JOIN {{derived}} d USING (account_id)
"""


def derive(
    engine: Engine,
    relation: str,
    columns: Columns,
    derivation: Derivation,
    addresses: str,
) -> dict[str, str]:
    """Write the queries of derived sightings, of the kinds that any row has.

    Args:
        engine: that has the relation, and `account_facts` where there is a table of accounts.
        relation: the rows, each counted once.
        columns: of the rows.
        derivation: the expressions to use.
        addresses: relation of `load_addresses`, empty where no address has another form.

    Returns:
        kind -> query, with the columns of `sightings`.

    Raises:
        UsageError: an expression that cannot be evaluated; the message names its kind.
    """
    queries = {}
    for number, one in enumerate(derivation.expressions):
        of_accounts = _asks_accounts_alone(one, columns, derivation.accounts)
        source = f"(SELECT DISTINCT account_id FROM {relation})" if of_accounts else relation
        rows = _rows(source, columns, one, derivation.accounts, addresses, of_accounts=of_accounts)
        parts = {"kind": literal(one.kind), "expression": one.sql, "rows": rows}
        query = (_OF_ACCOUNTS if of_accounts else _SIGHTINGS).format(**parts)
        counted = engine.evaluate(f"SELECT count(*) AS n FROM ({query})", f"[derive] {one.kind}")
        if not counted["n"][0].as_py():
            continue
        if of_accounts:
            engine.create(f"derived_{number}", query)
            query = _SIGHTINGS_OF_ACCOUNTS.format(
                kind=literal(one.kind), relation=relation, derived=f"derived_{number}",
                place=write_place(columns),
            )  # fmt: skip
        queries[one.kind] = query
    return queries


def _asks_accounts_alone(expression: Expression, columns: Columns, accounts: Collection[str]) -> bool:
    """Tell whether an expression has the same value in every row of an account."""
    of_rows = {"timestamp", *COUNTS, *columns.wanted} - {"account_id"}
    asked = {*expression.plain, *expression.of_accounts}
    return bool(asked & set(accounts)) and not of_rows & set(expression.plain)


def _rows(
    relation: str, columns: Columns, expression: Expression, accounts: Collection[str], addresses: str,
    *, of_accounts: bool,
) -> str:  # fmt: skip
    """Write the query of the rows that an expression sees, with the columns that it names."""
    joins = ""
    own = {"account_id"} if of_accounts else {"account_id", "timestamp", *COUNTS}
    given = [f"r.{quote(name)} AS {quote(name)}" for name in sorted(own)]
    given += [] if of_accounts else [f"{write_place(columns, 'r')} AS {_PLACE}"]
    given += [
        f"{_choose(name, columns, accounts, addresses)} AS {quote(name)}"
        for name in sorted(set(expression.plain) - own)
    ]
    if addresses and ADDRESS in expression.plain:
        joins += f" LEFT JOIN {addresses} n ON r.{quote(ADDRESS)} = n.value"
    if expression.of_accounts:
        fields = (f"{quote(name)} := {_fact(name, accounts)}" for name in expression.of_accounts)
        given.append(f"struct_pack({', '.join(fields)}) AS {ACCOUNTS}")
    if set(accounts) & {*expression.plain, *expression.of_accounts}:
        joins += f" LEFT JOIN {FACTS} a ON a.account_id = r.account_id"
    return f"SELECT {', '.join(given)} FROM {relation} r{joins}"


def _choose(name: str, columns: Columns, accounts: Collection[str], addresses: str) -> str:
    """Write where a value is from: the row, else the table of accounts."""
    places = []
    if name in columns.wanted:
        own = f"r.{quote(name)}"
        if name == ADDRESS and addresses:
            own = f"coalesce(n.address, {own})"
        if is_time(name) and name in columns.texts:
            own = f"CAST(TRY_CAST({own} AS TIMESTAMP WITH TIME ZONE) AS TIMESTAMP)"
        places.append(own if is_time(name) else f"nullif({own}, '')")
    if name in accounts or not places:
        places.append(_fact(name, accounts))
    return f"coalesce({', '.join(places)})" if len(places) > 1 else places[0]


def _fact(name: str, accounts: Collection[str]) -> str:
    if name in accounts:
        return f"a.{quote(name)}"
    return f"NULL::{'TIMESTAMP' if is_time(name) else 'VARCHAR'}"
