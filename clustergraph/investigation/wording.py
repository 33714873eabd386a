"""What the accounts of a cluster ask: the redacted texts of the templates that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clustergraph.incidence.observed import strip_episode

if TYPE_CHECKING:
    import pyarrow as pa

    from clustergraph.artefacts.runs import Run


@dataclass(frozen=True)
class Wording:
    """A template that members have.

    Attributes:
        value: of the signal.
        text: what five accounts at least wrote alike, ``<*>`` for all else.
        accounts: members that have it.
        accounts_everywhere: all accounts that have it.
        bits: its part of the evidence of the cluster's ties.
    """

    value: str
    text: str
    accounts: int
    accounts_everywhere: int
    bits: float


def list_wordings(run: Run, evidence: pa.Table, count: int) -> tuple[Wording, ...]:
    """List the strongest templates of a cluster that have a text; none where no prompts were read.

    Args:
        run: with its templates.
        evidence: of the cluster, the strongest first.
        count: most templates to list.
    """
    texts = run.once("texts", _read_texts)
    found: dict[tuple[str, str], Wording] = {}
    for row in evidence.to_pylist() if texts else ():
        key = row["kind"], strip_episode(row["value"])
        if key in texts and key not in found:  # an earlier episode of it was stronger
            numbers = (row[name] for name in ("accounts", "accounts_everywhere", "bits"))
            found[key] = Wording(key[1], texts[key], *numbers)
            if len(found) == count:
                break
    return tuple(found.values())


def _read_texts(run: Run) -> dict[tuple[str, str], str]:
    rows = run.templates.select(["kind", "value", "text"]).to_pylist()
    return {(row["kind"], row["value"]): row["text"] for row in rows if row["text"]}
