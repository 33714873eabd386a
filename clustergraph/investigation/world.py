"""The world of a run: the incidence that it was made from, read back as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.errors import UsageError
from clustergraph.incidence.observed import SECOND
from clustergraph.incidence.uses import NO_USES, Uses, count_meetings
from clustergraph.incidence.windows import number_windows
from clustergraph.sightings.nesting import number_nests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from clustergraph.artefacts.runs import Run
    from clustergraph.sightings.nesting import Nests

_SIGNALS = ["kind", "accounts", "stratum", "stratum_slots", "cell", "weight", "unnatural"]


@dataclass(frozen=True, eq=False)
class World:
    """Accounts and shared signals of a run, by number; arrays over signals have a value for each of them.

    Attributes:
        run: that it is of.
        account_id: of all accounts, sorted.
        label: cluster of each account, by rank from 0; -1 for none (int32).
        kinds: of signals.
        family: number of each kind's family (int32).
        families: names of the families, sorted.
        nests: which kinds are nested in each other.
        kind: number of each signal's kind (int32).
        degree: accounts that have each signal (int64).
        stratum: of each signal, -1 where it counts nothing (int32).
        cell: of each signal, never falling, -1 where it counts nothing (int32).
        weight: what a bit of evidence from each signal counts (float64).
        unnatural: signals that more accounts have than is natural for their kind (bool).
        stratum_slots: pairs of an account and a signal in each stratum (int64).
        account: holders of signal after signal, rising (int32).
        slots: signals of the signal's stratum that each holder has, 0 where it counts nothing (int32).
        uses: when signals of kinds with a window were used, slot by slot in the order of ``account``.
    """

    run: Run
    account_id: pa.Array
    label: NDArray[np.int32]
    kinds: tuple[str, ...]
    family: NDArray[np.int32]
    families: tuple[str, ...]
    nests: Nests
    kind: NDArray[np.int32]
    degree: NDArray[np.int64]
    stratum: NDArray[np.int32]
    cell: NDArray[np.int32]
    weight: NDArray[np.float64]
    unnatural: NDArray[np.bool_]
    stratum_slots: NDArray[np.int64]
    account: NDArray[np.int32]
    slots: NDArray[np.int32]
    uses: Uses = NO_USES

    @property
    def accounts(self) -> int:
        """Number of accounts."""
        return len(self.account_id)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """The holders of signal ``s`` are ``account[start[s]:start[s + 1]]``."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.degree)])

    @cached_property
    def account_slots(self) -> NDArray[np.int32]:
        """Signals of each kind that each account has (accounts x kinds)."""
        slots = self.run.read("accounts", ["slots"])["slots"].combine_chunks()
        return np.asarray(slots.flatten().to_numpy().reshape(self.accounts, -1))

    @cached_property
    def kind_slots(self) -> NDArray[np.int64]:
        """Pairs of an account and a signal of each kind."""
        return np.asarray(self.account_slots.sum(axis=0, dtype=np.int64))

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """Twice the pairs of accounts that may share each signal: ``d (d - 1)``, or those in its window."""
        pairs = self.degree * (self.degree - 1)
        if self.uses:
            slot = np.repeat(np.arange(len(self.account)), np.diff(self.uses.start))
            signal = np.searchsorted(self.start, slot, side="right") - 1
            window = self.uses.window[self.kind]
            met = count_meetings(signal, self.account[slot], self.uses.time, window)
            timed = np.unique(signal)
            pairs[timed] = met[timed]
        return pairs

    @cached_property
    def cell_pairs(self) -> NDArray[np.float64]:
        """The sum of :attr:`pairs` over the signals of each cell."""
        counted = self.cell >= 0
        return np.bincount(self.cell[counted], self.pairs[counted].astype(np.float64)).astype(np.float64)

    @cached_property
    def cell_first(self) -> NDArray[np.intp]:
        """The first signal of each cell."""
        return np.unique(self.cell[self.cell >= 0], return_index=True)[1]

    @cached_property
    def stratum_kind(self) -> NDArray[np.int32]:
        """The kind of each stratum; 0 for a stratum whose signals no two accounts share."""
        kind = np.zeros(len(self.stratum_slots), np.int32)
        kind[self.stratum[self.cell_first]] = self.kind[self.cell_first]
        return kind

    @property
    def tie_bits(self) -> float:
        """Least evidence of a tie."""
        return float(self.run.manifest["input"]["thresholds"]["tie_bits"])

    @property
    def member_bits(self) -> float:
        """Least log2 of the odds that a member belongs to its cluster."""
        return float(self.run.manifest["input"]["thresholds"]["member_bits"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """How the run was partitioned."""
        found: Mapping[str, Any] = self.run.manifest.get("config", {}).get("partition", {})
        return found

    @property
    def min_accounts(self) -> int:
        """Least size of a cluster."""
        return int(self.settings.get("min_accounts", 3))

    def number(self, account_id: str) -> int:
        """Give the number of an account, -1 if the input has no such account."""
        return int(pc.index(self.account_id, account_id).as_py())

    def members(self, cluster: int) -> NDArray[np.int32]:
        """Give the accounts of a cluster, rising."""
        return np.flatnonzero(self.label == cluster).astype(np.int32)

    def held(self, account: int) -> NDArray[np.int32]:
        """Give the signals that an account shares with anybody, rising."""
        rows = np.flatnonzero(self.account == account)
        return (np.searchsorted(self.start, rows, side="right") - 1).astype(np.int32)

    def holders(self, signal: int) -> NDArray[np.int32]:
        """Give the accounts that have a signal, rising."""
        return self.account[self.start[signal] : self.start[signal + 1]]

    def name(self, signals: NDArray[np.integer]) -> list[tuple[str, str]]:
        """Give kind and value of signals."""
        values = self.values.take(pa.array(signals)).to_pylist()
        return [(self.kinds[kind], value) for kind, value in zip(self.kind[signals], values, strict=True)]

    def family_of(self, signals: NDArray[np.integer]) -> NDArray[np.int32]:
        """Give the numbers of the families of signals."""
        return np.asarray(self.family[self.kind[signals]])

    @cached_property
    def values(self) -> pa.Array:
        """The value of each signal."""
        return self.run.read("signals", ["value"])["value"].combine_chunks()

    def find_value(self, value: str) -> NDArray[np.int64]:
        """Give the signals with a value, of whatever kind."""
        return np.flatnonzero(pc.equal(self.values, value).to_numpy(zero_copy_only=False))


def open_world(run: Run) -> World:
    """Read the incidence of a run; what was read once is kept for as long as the run is.

    Raises:
        InputError: an artefact is damaged.
        UsageError: the run does not say with what it was reckoned.
    """
    return run.once("world", _read)


def _read(run: Run) -> World:
    said = run.manifest.get("input", {})
    if "thresholds" not in said or "kinds" not in said:
        raise UsageError("the manifest of the run has no thresholds and kinds; open the run from its folder")
    accounts = run.read("accounts", ["account_id", "cluster_id"], coded=["cluster_id"])
    signals = run.read("signals", _SIGNALS, coded=["kind"])
    windows = {kind: round(seconds * SECOND) for kind, seconds in said.get("windows", {}).items()}
    links = run.read("incidence", ["account", "slots", *(["times"] if windows else [])])
    kinds = tuple(said["kinds"])
    families = tuple(sorted(set(said["kinds"].values())))
    stratum = _fill(signals["stratum"], -1)
    totals = np.zeros(int(stratum.max(initial=-1)) + 1, np.int64)
    totals[stratum[stratum >= 0]] = _fill(signals["stratum_slots"], 0)[stratum >= 0]
    return World(
        run=run,
        account_id=accounts["account_id"].combine_chunks(),
        label=_number(accounts["cluster_id"], run.clusters["cluster_id"].to_pylist()),
        kinds=kinds,
        family=np.array([families.index(said["kinds"][kind]) for kind in kinds], np.int32),
        families=families,
        nests=number_nests(said.get("nested", {}), kinds),
        kind=_number(signals["kind"], kinds),
        degree=signals["accounts"].to_numpy(),
        stratum=stratum,
        cell=_fill(signals["cell"], -1),
        weight=signals["weight"].to_numpy(),
        unnatural=signals["unnatural"].to_numpy(),
        stratum_slots=totals,
        account=links["account"].to_numpy(),
        slots=_fill(links["slots"], 0),
        uses=_read_uses(links["times"], number_windows(windows, kinds)) if windows else NO_USES,
    )


def _read_uses(times: pa.ChunkedArray, windows: NDArray[np.int64]) -> Uses:
    """Read when each slot was used; null is never."""
    count = pc.fill_null(pc.list_value_length(times), 0).to_numpy()
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(count, dtype=np.int64)])
    return Uses(windows, start, pc.list_flatten(times).cast(pa.int64()).to_numpy())


def _fill(column: pa.ChunkedArray, value: int) -> NDArray[Any]:
    return np.asarray(pc.fill_null(column, value).to_numpy())


def _number(column: pa.ChunkedArray, names: Any) -> NDArray[np.int32]:
    """Give the place of each value of a coded column among ``names``, -1 for null."""
    if not len(column):
        return np.zeros(0, np.int32)
    coded = column.unify_dictionaries().combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    place = {name: number for number, name in enumerate(names)}
    places = np.array([place[name] for name in coded.dictionary.to_pylist()] + [-1], np.int32)
    return np.asarray(places[pc.fill_null(coded.indices, len(places) - 1).to_numpy()])
