"""What was truly asked for: exchanges of each account over all nights, and of each group by night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from datetime import date

    from clustergraph.simulation.rows import Rows
    from clustergraph.simulation.tokens import Ints

GROUP_NIGHTS = pa.schema(
    [("dt", pa.date32()), ("group", pa.string()), ("accounts", pa.int64()), ("exchanges", pa.int64())]
)


class Tally:
    """Counts that grow by a night at a time.

    Attributes:
        exchanges: of each account so far, by its number in the world.
    """

    def __init__(self, groups: pa.Array) -> None:
        """Start at nothing.

        Args:
            groups: the group of each account by its number; empty in none.
        """
        named = pc.unique(groups.filter(pc.not_equal(groups, "")))
        self._names = named.take(pc.sort_indices(named))
        # Accounts in no group are counted in a last place that is cut off.
        place = pc.index_in(groups, value_set=self._names).fill_null(len(self._names))
        self._group: Ints = place.to_numpy(zero_copy_only=False).astype(np.int64)
        self._nights: list[pa.Table] = []
        self.exchanges: Ints = np.zeros(len(groups), np.int64)

    def add(self, day: date, rows: Rows) -> None:
        """Count the rows of one night; each has an exchange or more."""
        # Sums of weights are doubles, exact up to 2**53.
        night = np.bincount(rows.account, rows.exchanges, self.exchanges.size).astype(np.int64)
        self.exchanges += night
        groups = len(self._names)
        exchanges = np.bincount(self._group, night, groups + 1)[:groups].astype(np.int64)
        accounts = np.bincount(self._group[night > 0], minlength=groups + 1)[:groups]
        active = np.flatnonzero(accounts)
        columns = {
            "dt": pa.repeat(pa.scalar(day), active.size),
            "group": self._names.take(pa.array(active)),
            "accounts": accounts[active],
            "exchanges": exchanges[active],
        }
        self._nights.append(pa.table(columns, GROUP_NIGHTS))

    def group_nights(self) -> pa.Table:
        """A row for each night and each group that was active on it, in this order."""
        return pa.concat_tables(self._nights) if self._nights else GROUP_NIGHTS.empty_table()
