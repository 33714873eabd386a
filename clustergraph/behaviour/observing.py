"""Make the signals of behaviour that accounts are linked by, beside what they were seen with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from clustergraph.behaviour.pivots import PIVOT, find_pivots, read_release
from clustergraph.behaviour.shapes import SHAPES, find_shapes
from clustergraph.behaviour.switches import HANDOVER, SYNCHRONY, find_moments
from clustergraph.errors import UsageError
from clustergraph.sightings.activity import LENGTHS, MINUTES, MODELS
from clustergraph.sightings.nesting import nest_kinds
from clustergraph.sightings.reading import DEFAULT_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clustergraph.sightings.reading import Sightings

# Which signals of a kind a cluster may start from alone.
_ALONE: dict[str, Literal["none", "any", "unnatural"]] = {
    SYNCHRONY: "none",
    HANDOVER: "none",
    PIVOT: "any",
    SHAPES: "none",
}


def observe_behaviour(
    sightings: Sightings,
    *,
    synchrony: bool = True,
    handover: bool = True,
    pivot: bool = True,
    token_lengths: bool = False,
    pause: int = 10,
    resolution: int = 3,
    burst_bits: float = 8.0,
    handover_bits: float = 4.0,
    most_pairs: float = 1e8,
    pivot_hours: int = 4,
    releases: Mapping[str, str] | None = None,
    least_exchanges: int = 20,
    families: Mapping[str, str] | None = None,
    nested: Mapping[str, str] | None = None,
) -> Sightings:
    """Find signals in how accounts behave over time, as far as the input tells it.

    Args:
        sightings: what :func:`clustergraph.read` gives.
        synchrony: look for accounts that become active in the same minutes.
        handover: look for accounts that end a shift in the minutes in which others begin one.
        pivot: look for accounts that move to a new model within the same hours.
        token_lengths: sketch the lengths of what accounts send and get; what is common in them costs other
            evidence more than it adds, so this is for inputs that have little else.
        pause: minutes of silence before and after a spell of activity, 1 to 120.
        resolution: minutes within which accounts become active, or stop, together, 1 to ``pause``; a shift
            takes as many at least.
        burst_bits: evidence that more accounts become active than the half hours around explain.
        handover_bits: evidence that more accounts end a shift, and more begin one, than the half hours around
            explain, both together; people begin together, but seldom where others stop, so less is enough.
        most_pairs: of accounts that meet in such moments, all of a kind together; beyond that the moments
            with least evidence are left out.
        pivot_hours: hours within which accounts move to a new model together, 1 to 12.
        releases: model -> time of its release in ISO 8601, for models whose release the data do not show:
            found are models that were not used for the first day of the data.
        least_exchanges: with lengths that an account must have for a sketch of them.
        families: kind -> family, over the defaults.
        nested: finer kind -> the coarser one that it lies in, over the defaults; an empty name for none.

    Returns:
        The sightings with the kinds found; their engine has the relation `behaviour` where there are any.

    Raises:
        UsageError: a setting out of its bounds, or kinds nested in kinds of another family.
    """
    _check(pause, resolution, burst_bits, handover_bits, most_pairs, pivot_hours, least_exchanges)
    releases = releases or {}
    for model, text in releases.items():
        read_release(model, text)
    engine, found = sightings.engine, []
    wanted = {SYNCHRONY: burst_bits} if synchrony else {}
    wanted |= {HANDOVER: handover_bits} if handover else {}
    if MINUTES in sightings.activity:
        found += find_moments(engine, wanted, pause=pause, resolution=resolution, most_pairs=most_pairs)
    if pivot and MODELS in sightings.activity and find_pivots(engine, releases=releases, hours=pivot_hours):
        found.append(PIVOT)
    if token_lengths and LENGTHS in sightings.activity and find_shapes(engine, least=least_exchanges):
        found.append(SHAPES)
    if not found:
        return sightings
    engine.view("behaviour", " UNION ALL ".join(f"SELECT * FROM {kind}_signals" for kind in found))
    known = DEFAULT_FAMILIES | dict(families or {})
    kinds = tuple(sorted({*sightings.kinds, *found}))
    of_kind = {**sightings.families, **{kind: known[kind] for kind in found}}
    return replace(
        sightings,
        kinds=kinds,
        families=of_kind,
        nested=nest_kinds(kinds, of_kind, nested),
        behaviour={kind: _ALONE[kind] for kind in found},
    )


def _check(
    pause: int, resolution: int, burst_bits: float, handover_bits: float, most_pairs: float, pivot_hours: int,
    least_exchanges: int,
) -> None:  # fmt: skip
    bounds = {
        "pause": (1 <= pause <= 120, "from 1 to 120 minutes"),
        "resolution": (1 <= resolution <= pause, "from 1 minute to pause"),
        "burst_bits": (burst_bits > 0, "over 0"),
        "handover_bits": (handover_bits > 0, "over 0"),
        "most_pairs": (most_pairs > 0, "over 0"),
        "pivot_hours": (1 <= pivot_hours <= 12, "from 1 to 12 hours"),
        "least_exchanges": (least_exchanges >= 1, "1 or more"),
    }
    for name, (holds, words) in bounds.items():
        if not holds:
            raise UsageError(f"[behaviour] {name} must be {words}")
