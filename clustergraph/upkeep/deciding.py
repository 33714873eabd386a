"""Decide on a cluster of the last night, or take a decision back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.artefacts.schema import EXTRACTION_PARTS
from clustergraph.config import suggest
from clustergraph.decisions.copies import (
    EVIDENCE,
    EXTRACTION,
    LINKS,
    MEMBERS,
    Copy,
    clear_copies,
    write_copy,
)
from clustergraph.decisions.log import UNDO, WORDS, Entry, append, find_log, find_loss, read_log
from clustergraph.decisions.standing import find_in_force
from clustergraph.decisions.volumes import measure_daily
from clustergraph.errors import GuardrailError, InputError, UsageError
from clustergraph.figures import printable
from clustergraph.store.ledger import read_clusters, read_known_accounts
from clustergraph.store.store import hold, open_store
from clustergraph.upkeep.history import choose_cluster
from clustergraph.upkeep.nights import list_nights, read_columns

if TYPE_CHECKING:
    from clustergraph.store.store import Store


def decide(
    store: str | Path, cluster: str, decision: str, *, by: str, reason: str, wait: bool = False
) -> Entry:
    """Append a decision on a cluster to the log of a store.

    It counts from the next night on that is published, and the nights that are there stay as they are. What
    is known of the cluster's members and signals is kept with it, for as long as the store lasts.

    Args:
        store: folder of the store.
        cluster: id, or beginning of an id, of a cluster of the last night or one that is remembered.
        decision: ``confirmed`` (a campaign), ``cleared`` (innocent), ``watch``, or ``undo``, which takes back
            the last decision on the cluster that is in force: the one before it is in force again.
        by: who decides.
        reason: why.
        wait: for another job on the store to end.

    Returns:
        The entry of the log.

    Raises:
        UsageError: no such decision, no reason or name, no such cluster or several, nothing to take back, or
            no night yet.
        InputError: the store or its log is damaged, or the disk is full.
        GuardrailError: another job holds the store, or a rebuild is not finished.
    """
    if decision not in WORDS:
        words = ", ".join(WORDS)
        raise UsageError(
            f"no decision {printable(decision, 80)!r}{suggest(decision, WORDS)}; it is one of {words}"
        )
    _check_words(name=by, reason=reason)
    opened = open_store(Path(store).absolute())
    with hold(opened, wait=wait):
        rebuilding = opened.to_rebuild()
        if rebuilding is not None:
            raise GuardrailError(
                f"{opened.root}: the rebuild from {rebuilding} is not finished, and may find other clusters; "
                "the next `clustergraph nightly` finishes it"
            )
        night = list_nights(opened)[-1]
        loss = find_loss(read_log(opened), night, opened.manifest(night)["store"])
        if loss:  # or copies would be cleared away that it named
            raise InputError(f"{find_log(opened)}: {loss}")
        clear_copies(opened)
        entry = _take_back(opened, cluster) if decision == UNDO else _make(opened, cluster, decision, night)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return append(opened, replace(entry, night=str(night), decided_by=by, reason=reason, decided_at=now))


def _check_words(**words: str) -> None:
    for name, one in words.items():
        if not one.strip():
            raise UsageError(f"the {name} is empty; the log keeps who decided what, and why")
        try:
            one.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"the {name} {one!r} is not UTF-8") from error


def _take_back(store: Store, key: str) -> Entry:
    """Begin an entry that takes back what is in force on a cluster."""
    entries = read_log(store).entries
    cluster_id = choose_cluster(key, {one.cluster_id for one in entries}, "no decision is on")
    in_force = {one.cluster_id: one for one in find_in_force(entries)}
    if cluster_id not in in_force:
        raise UsageError(f"{cluster_id}: all decisions on it were taken back already")
    return Entry(decision=UNDO, cluster_id=cluster_id, undoes=in_force[cluster_id].number)


def _make(store: Store, key: str, decision: str, night: date) -> Entry:
    """Begin an entry for a cluster, and keep what is known of it."""
    ledger = str(store.manifest(night)["store"]["ledger"])
    tonight = set(read_columns(store, night, "clusters", ["cluster_id"])["cluster_id"].to_pylist())
    known = {row["cluster_id"]: row["last_night"] for row in read_clusters(store, ledger).to_pylist()}
    cluster_id = choose_cluster(key, tonight | known.keys(), "neither the last night nor its ledger has")
    found_on = night if cluster_id in tonight else date.fromisoformat(known[cluster_id])
    if found_on in store.nights():
        copy = _copy(store, found_on, cluster_id)
    else:  # dormant for longer than runs are kept
        copy = _copy_ledger(store, ledger, cluster_id, found_on)
    return Entry(
        decision=decision, cluster_id=cluster_id, found_on=str(found_on), accounts=copy.members.num_rows,
        copy=write_copy(store, found_on, copy),
    )  # fmt: skip


def _copy(store: Store, night: date, cluster_id: str) -> Copy:
    """Copy what a published night has of a cluster."""
    activity = read_columns(store, night, "activity", ["account_id", "hour", "exchanges"], [cluster_id])
    daily = measure_daily(activity, store.manifest(night)["store"]["window"], "account_id")
    members = read_columns(
        store, night, "members", ["account_id", "exchanges"], [cluster_id], later=EXTRACTION_PARTS
    )
    return Copy(
        _list_members(members["account_id"].to_pylist(), daily),
        read_columns(store, night, "evidence", EVIDENCE.names, [cluster_id]),
        read_columns(store, night, "links", LINKS.names, [cluster_id]),
        members.select(EXTRACTION.names).cast(EXTRACTION).sort_by("account_id"),
    )


def _copy_ledger(store: Store, place: str, cluster_id: str, night: date) -> Copy:
    """Copy what the ledger has of a cluster whose run is gone: its members alone."""
    accounts = read_known_accounts(store, place)
    mine = pc.and_(pc.equal(accounts["cluster_id"], cluster_id), pc.equal(accounts["member_night"], night))
    members = _list_members(accounts.filter(mine)["account_id"].to_pylist(), {})
    return Copy(members, EVIDENCE.empty_table(), LINKS.empty_table())


def _list_members(accounts: list[str], daily: dict[str, float]) -> pa.Table:
    rows = [(one, daily.get(one, 0.0)) for one in sorted(accounts)]
    return pa.Table.from_pylist([dict(zip(MEMBERS.names, row, strict=True)) for row in rows], MEMBERS)
