"""What the window forgot of banned and confirmed accounts, put back for as long as it takes to compare."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from clustergraph.engines.sql import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from clustergraph.incidence.links import Incidence

_OUTSIDE = """
SELECT count(*) AS accounts
FROM (SELECT DISTINCT account_id FROM memory_before SEMI JOIN marked USING (account_id))
ANTI JOIN accounts USING (account_id)
"""
_FORGOTTEN = "memory_before SEMI JOIN marked USING (account_id) ANTI JOIN accounts_inside USING (account_id)"
_WITH_MEMORY = {
    "sightings": f"""
SELECT account_id, kind, value, first_seen, last_seen, exchanges, input_tokens, output_tokens, place
FROM window_sightings
UNION ALL
SELECT account_id, kind, value, max(night)::TIMESTAMP, max(night)::TIMESTAMP, 0, 0, 0, NULL
FROM {_FORGOTTEN} {{untimed}} GROUP BY account_id, kind, value
""",
    "exchanges": f"""
SELECT account_id, kind, first_seen, last_seen, exchanges, input_tokens, output_tokens, place
FROM window_exchanges
UNION ALL
SELECT account_id, '', max(night)::TIMESTAMP, max(night)::TIMESTAMP, 0, 0, 0, NULL
FROM {_FORGOTTEN} GROUP BY account_id
""",
}


@contextmanager
def remembering(
    incidence: Incidence, link_again: Callable[[], Incidence], *, windowed: Collection[str] = ()
) -> Iterator[Incidence]:
    """Give an incidence that has the marked accounts of the memory as well as those of the window.

    The memory has no times, so what it has of kinds with a window of co-occurrence cannot be compared.

    Args:
        incidence: of the window, as :func:`clustergraph.store.increments.open_window` made it; its engine has
            `memory_before` and `marked`.
        link_again: links what `sightings` and `exchanges` have by then.
        windowed: kinds with a window.
    """
    engine = incidence.sightings.engine
    if not engine.fetch(_OUTSIDE)["accounts"][0].as_py():
        yield incidence
        return
    kinds = ", ".join(map(literal, windowed))
    untimed = f"WHERE kind NOT IN ({kinds})" if kinds else ""
    engine.create("accounts_inside", "SELECT account_id FROM accounts")
    for relation, sql in _WITH_MEMORY.items():
        engine.view(relation, sql.format(untimed=untimed))
    try:
        yield link_again()
    finally:
        for relation in _WITH_MEMORY:
            engine.view(relation, f"SELECT * FROM window_{relation}")
