"""The explanations that there are: which clusters each of them fits, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clustergraph.clusters.sharing import HOUSEHOLD
from clustergraph.clusters.usual_volume import EXCESS
from clustergraph.figures import printable, say_share

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from clustergraph.clusters.facts import Facts
    from clustergraph.clusters.usual_volume import Compared

_SMALL = 10  # most accounts of a household or a small office
_ODD = 0.05  # share of members by which a rule may be missed: a laboratory's device, a neighbour
_HALF, _MOST = 0.5, 0.75
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Objection:
    """What speaks against an explanation.

    Attributes:
        holds: clusters of which it is true.
        say: puts it in words for a cluster, to follow on "but".
    """

    holds: NDArray[np.bool_]
    say: Callable[[int], str]


@dataclass(frozen=True)
class Claim:
    """An explanation of some clusters.

    Attributes:
        code: its name in ``explained_by``.
        fits: clusters that look like it.
        say: puts into words what looks like it.
        in_line: says that volumes go with it, to follow on "and".
        objections: any of which refuses it.
    """

    code: str
    fits: NDArray[np.bool_]
    say: Callable[[int], str]
    in_line: Callable[[int], str]
    objections: tuple[Objection, ...]


def claim_organization(facts: Facts) -> Claim:
    """All members belong to one verified organisation."""
    belonging = facts.belonging
    fits = _nowhere(facts) if belonging is None else belonging.is_whole(facts.size)

    def say(cluster: int) -> str:
        assert belonging is not None
        inside, size, name = belonging.inside[cluster], facts.size[cluster], _name(facts, cluster)
        if inside == size:
            return f"all {size:,} members belong to the verified organisation {name}"
        share = say_share(float(belonging.outside_volume[cluster]))
        return (
            f"{inside:,} of {size:,} members belong to the verified organisation {name}, "
            f"the others make {share} of the volume"
        )

    return Claim("organization", fits, say, *_guard(facts, facts.with_organizations, organization=True))


def claim_small_premises(facts: Facts) -> Claim:
    """A household, a small office or a small reseller: few accounts with one place and a card or device.

    A family of up to five need not be seen at one place.
    """
    sharing, half = facts.sharing, _HALF * facts.size
    placed = sharing.place >= half
    fits = (facts.size <= np.where(placed, _SMALL, HOUSEHOLD)) & (sharing.card >= half)

    def say(cluster: int) -> str:
        what, who = "a card or device", "household"
        if placed[cluster]:
            what, who = f"an address and {what}", f"{who} or a small office"
        return f"its {facts.size[cluster]} members share {what}, as a {who} does"

    people = facts.with_people
    volumes = facts.with_staff if people is None else people.either(facts.with_staff)
    return Claim("small_premises", fits, say, *_guard(facts, volumes))


def claim_shared_tool(facts: Facts) -> Claim:
    """The users of a popular tool: templates are all they share, and most who use them are elsewhere."""
    sharing = facts.sharing
    others = np.maximum(sharing.place, sharing.person)
    popular = np.nan_to_num(sharing.inside, nan=1.0) < _HALF
    fits = facts.has_persons & popular & (others <= _ODD * facts.size)

    def say(cluster: int) -> str:
        share = say_share(1.0 - float(sharing.inside[cluster]))
        return (
            f"its {facts.size[cluster]:,} members share nothing but templates, and {share} of the accounts "
            "that have these are elsewhere"
        )

    in_line, objections = _guard(facts, facts.with_people)
    return Claim("shared_tool", fits, say, in_line, (_unrecorded(facts), *objections, *_like_people(facts)))


def claim_shared_place(facts: Facts) -> Claim:
    """People of one place or one circle: cards and devices are those of households among them, if any.

    At most three quarters of the members share a card or a device with another one, in sets of a household's
    size but for one member in twenty. Operators share them by the dozen, or all their accounts do.
    """
    sharing = facts.sharing
    loose = (sharing.person <= _MOST * facts.size) & (sharing.crowded <= _ODD * facts.size)
    fits = facts.has_persons & loose & (np.maximum(sharing.place, sharing.wording) > 0)

    def say(cluster: int) -> str:
        shared = [
            noun
            for noun, held in (("addresses", sharing.place), ("templates", sharing.wording))
            if held[cluster] > _ODD * facts.size[cluster]
        ]
        size, joined = facts.size[cluster], sharing.person[cluster]
        persons = f"{joined:,} of them share" if joined else "none of them shares"
        what = " and ".join(shared) or "signals"
        return f"its {size:,} members share {what}, {persons} a card or device with another"

    in_line, objections = _guard(facts, facts.with_people)
    return Claim("shared_place", fits, say, in_line, (_unrecorded(facts), *objections, *_like_people(facts)))


def remark_on_organization(facts: Facts) -> Claim:
    """Most members belong to one verified organisation, but too many others take part."""
    belonging, none = facts.belonging, _nowhere(facts)
    fits = none if belonging is None else belonging.inside > _HALF * facts.size

    def say(cluster: int) -> str:
        assert belonging is not None
        inside, size = int(belonging.inside[cluster]), int(facts.size[cluster])
        others = f"{size - inside:,} {'does' if size - inside == 1 else 'do'} not"
        name = _name(facts, cluster)
        return f"{inside:,} of {size:,} members belong to the verified organisation {name}, but {others}"

    return Claim("", fits, say, str, ())


def _nowhere(facts: Facts) -> NDArray[np.bool_]:
    return np.zeros(len(facts.size), bool)


def _name(facts: Facts, cluster: int) -> str:
    assert facts.belonging is not None
    name = facts.names[int(facts.belonging.organization[cluster])].as_py()
    return printable(name, _LONGEST_NAME)


def _guard(
    facts: Facts, volumes: Compared | None, *, organization: bool = False
) -> tuple[Callable[[int], str], tuple[Objection, ...]]:
    """Make what no explanation holds against: volumes and growth. A score of extraction belongs here, too."""
    growth = facts.growth

    def say_volume(cluster: int) -> str:
        assert volumes is not None
        if volumes.times[cluster] <= EXCESS:
            return "some make so much volume that their mean is above that of 999 in 1,000 other accounts"
        return f"they make {_times(volumes.times[cluster])} times {volumes.standard}"

    def say_in_line(cluster: int) -> str:
        assert volumes is not None
        doubt = ", which is not out of line" if volumes.times[cluster] > EXCESS else ""
        return f"they make {_times(volumes.times[cluster])} times {volumes.standard}{doubt}"

    def say_growth(cluster: int) -> str:
        assert growth is not None
        return f"{growth.most[cluster]:,} of them were created within one week"

    if volumes is None:
        nothing = Objection(
            ~_nowhere(facts), lambda _: "there are too few other accounts to compare them with"
        )
        return say_in_line, (nothing,)
    objections = [Objection(volumes.excessive, say_volume)]
    if growth is not None:
        bursts = growth.organization_burst if organization else growth.burst
        objections.append(Objection(bursts, say_growth))
    return say_in_line, tuple(objections)


def _times(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _unrecorded(facts: Facts) -> Objection:
    """Object that cards and devices that are not on record cannot be shared."""
    recorded = facts.sharing.recorded

    def say(cluster: int) -> str:
        share = say_share(float(recorded[cluster] / facts.size[cluster]))
        return f"cards or devices are on record for only {share} of them, so that says little"

    return Objection(recorded < _HALF * facts.size, say)


def _like_people(facts: Facts) -> tuple[Objection, ...]:
    """Object to volumes and dates that are more alike than those of people who know nothing of each other."""
    volumes = Objection(facts.alike, lambda _: "their volumes are more alike than those of other accounts")
    if facts.growth is None:
        return (volumes,)
    dates = Objection(
        facts.growth.alike, lambda _: "their dates of creation are nearer to each other than those of others"
    )
    return volumes, dates
