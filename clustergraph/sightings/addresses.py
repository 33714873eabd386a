"""Bring IPv6 addresses to one form and to their /64, the share that one customer is given.

The /64 is the smallest network that routers hand out (RFC 4291, section 2.5.4; RFC 6177); the half below it
changes from hour to hour (RFC 8981).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from clustergraph.engines.interface import Engine

PART = 500_000  # distinct addresses that are in Python's hands at once
MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, IPv4 in the clothes of IPv6


def normalise(address: str) -> str:
    """Give an IPv6 address's /64, or the IPv4 address that it maps; anything else comes back as it is.

    >>> normalise("2001:DB8:0:1:0:0:0:7"), normalise("::ffff:192.0.2.1"), normalise("192.0.2.1:443")
    ('2001:db8:0:1::/64', '192.0.2.1', '192.0.2.1:443')
    """
    try:
        packed = socket.inet_pton(socket.AF_INET6, address.removesuffix("/64"))
    except (OSError, ValueError):
        return address
    if packed[:12] == MAPPED:
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed[:8] + bytes(8)) + "/64"


def load_addresses(engine: Engine, column: str, relation: str, where: str) -> str:
    """Make the relation `addresses` (value, address) of those in a column that have another form.

    Args:
        engine: where the relation is and `addresses` will be.
        column: of the addresses.
        relation: where they are.
        where: a condition on its rows.

    Returns:
        The name `addresses`.
    """
    engine.create(
        "addresses_found",
        f"SELECT DISTINCT {column} AS value FROM {relation} WHERE {where} AND contains({column}, ':')",
    )
    found = engine.fetch("SELECT count(*) AS n FROM addresses_found")["n"][0].as_py()
    parts = max(1, -(-found // PART))
    for part in range(parts):
        values = engine.fetch(
            f"SELECT value FROM addresses_found WHERE {engine.hash('value')} % {parts} = {part}"
        )["value"].to_pylist()
        changed = [(value, new) for value, new in ((v, normalise(v)) for v in values) if new != value]
        engine.load(
            f"addresses_{part}",
            pa.table(
                {"value": [value for value, _ in changed], "address": [new for _, new in changed]},
                schema=pa.schema([("value", pa.string()), ("address", pa.string())]),
            ),
        )
    engine.drop("addresses_found")
    engine.view("addresses", " UNION ALL ".join(f"SELECT * FROM addresses_{part}" for part in range(parts)))
    return "addresses"
