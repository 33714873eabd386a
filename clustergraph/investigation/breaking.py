"""The smallest set of signals without which a cluster breaks.

Finding it is hard in general (it is a minimum hitting set), so it is looked for in two ways. The strongest
signals are tried alone, then in pairs, then in threes, which is exact where they are all that the members
share. Beyond that the set is only bounded from above: by the shortest run of signals from the strongest on
that breaks it, less those that it breaks without. How much is tried depends on the cluster's size alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clustergraph.investigation.counterfactual import Standing, Without

# Accounts regrouped, over all trials.
_WORK = 40_000
_FEWEST_TRIALS, _MOST_TRIALS = 1, 300
_CANDIDATES = 12
_LARGEST_EXACT = 3
# Lengths of runs that are tried; where little may be tried, the longer ones alone.
_LADDER = (3, 10, 30, 100, 300, 1000)
_FEW = 10


@dataclass(frozen=True)
class Breaking:
    """A set of signals without which a cluster breaks, or how far it was looked for in vain.

    Attributes:
        without: what is left without the set; None where no set was found.
        at_least: signals that any such set has, as far as was tried.
        exact: whether no smaller set of the cluster's signals breaks it.
        held_without: how many signals from the strongest on it holds without, all of them together.
    """

    without: Without | None
    at_least: int
    exact: bool
    held_without: int


def find_breaking(standing: Standing, signals: Sequence[int], singles: Sequence[Without]) -> Breaking:
    """Look for the smallest set of signals without which a cluster breaks.

    Args:
        standing: the cluster.
        signals: all that at least two members share, the strongest first.
        singles: what is left without each of the first of them.

    Returns:
        The set found, with its signals in the order of ``signals``.
    """
    found = next((one for one in singles if one.broken), None)
    if found is not None:
        return Breaking(found, 1, exact=True, held_without=0)
    return _Search(standing, signals, len(singles)).run()


class _Search:
    """A search among sets of two signals and more, with a bound on what it tries."""

    def __init__(self, standing: Standing, signals: Sequence[int], tried: int) -> None:
        self.standing, self.signals = standing, signals
        self.singles_tried = min(tried, len(signals))
        trials = _WORK // max(standing.excerpt.size, 1)
        self.left = min(max(trials, _FEWEST_TRIALS), _MOST_TRIALS)

    def run(self) -> Breaking:
        at_least = 2 if self.singles_tried == len(self.signals) else 1
        candidates = self.signals[:_CANDIDATES]
        complete = len(candidates) == len(self.signals)
        if complete and at_least == 1:  # the others of the few that there are
            for signal in self.signals[self.singles_tried :]:
                found = self.try_set([signal])
                if found is not None and found.broken:
                    return Breaking(found, 1, exact=True, held_without=0)
            at_least = 2
        for size in range(2, min(_LARGEST_EXACT, len(candidates)) + 1):
            sets = list(combinations(candidates, size))
            if len(sets) > self.left:
                break
            for chosen in sets:
                found = self.try_set(chosen)
                if found is not None and found.broken:
                    return Breaking(found, min(at_least, size), exact=complete, held_without=0)
            at_least = size + 1 if complete else at_least
        return self.climb(at_least)

    def climb(self, at_least: int) -> Breaking:
        """Find a run from the strongest on that breaks the cluster, and shorten it."""
        held, broken = 0, None
        lengths = [*(one for one in _LADDER if one < len(self.signals)), len(self.signals)]
        for length in lengths if self.left > _FEW else [one for one in lengths if one >= _LADDER[3]]:
            found = self.try_set(self.signals[:length])
            if found is None:
                break
            if found.broken:
                broken = found
                break
            held = length
        if broken is None:
            return Breaking(None, at_least, exact=False, held_without=held)
        broken = self.halve(held, broken)
        shortened = self.shorten(broken)
        return Breaking(shortened, at_least, exact=len(shortened.signals) == at_least, held_without=held)

    def halve(self, held: int, broken: Without) -> Without:
        """Find the shortest run that breaks it, between one that does not and one that does."""
        while len(broken.signals) - held > 1:
            middle = (held + len(broken.signals)) // 2
            found = self.try_set(self.signals[:middle])
            if found is None:
                break
            if found.broken:
                broken = found
            else:
                held = middle
        return broken

    def shorten(self, broken: Without) -> Without:
        """Put back, from the weakest on, what the cluster breaks without."""
        for signal in reversed(broken.signals):
            found = self.try_set([one for one in broken.signals if one != signal])
            if found is None:
                break
            if found.broken:
                broken = found
        return broken

    def try_set(self, signals: Sequence[int]) -> Without | None:
        """Think the cluster without some signals, unless enough was tried."""
        if self.left <= 0:
            return None
        self.left -= 1
        return self.standing.without(signals)
