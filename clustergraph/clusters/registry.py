"""What a table of accounts says of the accounts of a run: organisation and time of creation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Registry:
    """What is known of accounts, by their numbers.

    Attributes:
        organization: number of the verified organisation, -1 for none (int32).
        names: organisations by number.
        created: seconds since 1970, :data:`NO_TIME` where it is not known (int64).
    """

    organization: NDArray[np.int32]
    names: pa.Array
    created: NDArray[np.int64]

    @classmethod
    def from_table(cls, account_id: pa.ChunkedArray, known: pa.Table) -> Registry:
        """Look accounts up in a table.

        Args:
            account_id: of all accounts, by number.
            known: ``account_id`` (unique) and any of ``organization_id`` and ``created_at``.
        """
        row = pc.index_in(account_id, pc.cast(known["account_id"], pa.string()).combine_chunks())
        organization = _take(known, "organization_id", row, pa.string()).dictionary_encode()
        times = pc.cast(_take(known, "created_at", row, pa.timestamp("us")), pa.int64())
        seconds = pc.fill_null(pc.divide(times, 1_000_000), int(NO_TIME))
        number = pc.fill_null(pc.cast(organization.indices, pa.int32()), -1)
        return cls(number.to_numpy(), organization.dictionary, seconds.to_numpy())

    @property
    def dated(self) -> NDArray[np.bool_]:
        """Accounts whose time of creation is known."""
        return np.asarray(self.created != NO_TIME)


def _take(known: pa.Table, name: str, row: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if name not in known.column_names:
        return pa.nulls(len(row), kind)
    column = pc.cast(known[name], kind).combine_chunks().take(row)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
