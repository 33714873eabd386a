"""Complementary coverage: have the accounts of a cluster divided a data set between them?

Accounts that work through one template with slot values that hardly overlap have divided a data set. What
is counted is *pairs of uses* of one filling; the overlap is the pairs whose two uses are of different
accounts. Chance is dealing: each template's uses in the cluster keep their fillings, each account its number
of uses, and who made which use is drawn anew. An overlap far below what dealing gives means that repeats
stay with the account that asked first. Templates are strata: their pairs add up, so that a cluster has
one test however many templates it works with, and nothing has to be corrected for their number.

Repeats stay with one account for another reason as well: people ask their own question again. So a second
test compares how much members repeat themselves with what accounts in no cluster do: the mean share of an
account's uses that repeat an earlier filling of its own, dealt among the accounts of both sides that made
about as many uses (within a power of two). Both have to be unlikely: the p-value of the cluster is the
larger of the two (an intersection-union test, Berger 1982), which is never too small whatever the two have to
do with each other.

Accounts with a single filling of a template work through nothing, and are in neither test: someone who has a
tool look at the same file every day would otherwise look like the owner of a share. Both tests draw at random
until as many draws as `ENOUGH` are as extreme as what was observed, or `DRAWS` are made (Besag, Clifford
1991); p is then exact for its own draws, `1 / (DRAWS + 1)` at least.

Where every filling was used once there are no pairs, and nothing is said. A test of runs (Wald, Wolfowitz
1940) of numeric slots could speak there, but it needs numbers in their order to be kept, and numbers are
what people give away in prompts; and numbers that grow with time (tickets, dates) come in runs by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from clustergraph.engines.interface import Engine

ENOUGH, DRAWS = 20, 9_999
LEAST_EXPECTED = 5.0  # pairs of different accounts that chance has to give
LEAST_OTHERS = 20  # accounts in no cluster to compare with
_BATCH = 500  # draws
_MOST_DEALT = 500_000_000  # uses, in all draws of a cluster
_SEED = 1991

# What each account filled each template with that it works through.
_FILLED = """
SELECT a.account, f.template, f.filling, sum(f.uses)::BIGINT AS uses
FROM fillings f JOIN accounts a ON a.hash = {account}
GROUP BY a.account, f.template, f.filling
QUALIFY count(*) OVER (PARTITION BY a.account, f.template) > 1
"""
_INSIDE = """
SELECT m.cluster, x.template, x.account, x.filling, x.uses
FROM filled x JOIN members m ON m.account = x.account
ORDER BY m.cluster, x.template, x.account, x.filling
"""
_REPEATS = """
SELECT coalesce(m.cluster, -1) AS cluster, x.uses, x.fillings, count(*) AS accounts
FROM (
    SELECT account, sum(uses)::BIGINT AS uses, count(*) AS fillings FROM filled GROUP BY account
) x LEFT JOIN members m ON m.account = x.account
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


class Coverage(NamedTuple):
    """How the members of a cluster share the fillings of its templates.

    Attributes:
        p_value: how likely chance has them overlap so little, and repeat themselves so much.
        overlap: pairs of uses of one filling by two members, of those that dealing gives.
    """

    p_value: float
    overlap: float


class Uses(NamedTuple):
    """Uses of templates in one cluster: equal rows were added up.

    Attributes:
        template: number of each row's template, from 0.
        account: number of its account.
        filling: number of its filling; those of different templates differ.
        uses: how many they are.
    """

    template: NDArray[np.int64]
    account: NDArray[np.int64]
    filling: NDArray[np.int64]
    uses: NDArray[np.int64]


class Repeats(NamedTuple):
    """Accounts that work through templates, by how much they repeat themselves.

    Attributes:
        uses: of an account.
        fillings: different ones among them.
        accounts: how many accounts have both of these.
    """

    uses: NDArray[np.int64]
    fillings: NDArray[np.int64]
    accounts: NDArray[np.int64]


def find_divisions(engine: Engine, count: int) -> list[Coverage | None]:
    """Test the clusters; None where nothing can be said.

    Args:
        engine: with `fillings` (`reading.Sightings`), `accounts` (`links.Incidence`) and `members` (account,
            cluster).
        count: of the clusters.
    """
    engine.create("filled", _FILLED.format(account=engine.hash("f.account_id")))
    inside, repeats = engine.fetch(_INSIDE), engine.fetch(_REPEATS)
    engine.drop("filled")
    others = _repeats_of(repeats, -1)
    cluster = inside["cluster"].to_numpy()
    bounds = np.searchsorted(cluster, np.arange(count + 1))
    return [
        weigh_division(_uses_of(inside.slice(low, high - low)), _repeats_of(repeats, number), others)
        if low < high
        else None
        for number, (low, high) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    ]


def weigh_division(uses: Uses, own: Repeats, others: Repeats) -> Coverage | None:
    """Test whether a cluster has divided a data set; None where nothing can be said.

    Args:
        uses: of the members.
        own: how the members repeat themselves.
        others: how accounts in no cluster do.
    """
    if others.accounts.sum() < LEAST_OTHERS:
        return None
    overlap, expected = count_overlap(uses)
    if expected < LEAST_EXPECTED:
        return None
    return Coverage(max(deal_uses(uses), deal_accounts(own, others)), overlap / expected)


def count_overlap(uses: Uses) -> tuple[int, float]:
    r"""Give the pairs of uses of one filling by two accounts, and how many dealing gives in the mean.

    Of $K$ uses of a template, $n_a$ by account $a$, two are of one account with the probability
    $\sum_a n_a (n_a - 1) / (K (K - 1))$, and so are any two of one filling.
    """
    of_filling = _add_up(uses.filling, uses.uses)
    template_of = np.zeros(len(of_filling), np.int64)
    template_of[uses.filling] = uses.template
    pairs = _add_up(template_of, _pairs(of_filling))
    key = np.unique(np.stack([uses.template, uses.account]), axis=1, return_inverse=True)
    of_account = _add_up(key[1].ravel(), uses.uses)
    alone = _add_up(key[0][0], _pairs(of_account))
    whole = _pairs(_add_up(uses.template, uses.uses))
    expected = pairs * (1.0 - alone / np.maximum(whole, 1))
    return int(pairs.sum() - _pairs(uses.uses).sum()), float(expected.sum())


def deal_uses(uses: Uses, *, enough: int = ENOUGH, draws: int = DRAWS) -> float:
    """Give the probability that dealing has at most as much overlap as observed.

    Args:
        uses: of the members.
        enough: draws that are as extreme, after which no more are made.
        draws: that are made at most.
    """
    rows = np.repeat(np.arange(len(uses.uses)), uses.uses)
    template, account, filling = uses.template[rows], uses.account[rows], uses.filling[rows]
    # What is used once makes no pair wherever it is dealt to: it is left over.
    repeated = _add_up(filling, np.ones(len(rows), np.int64))[filling] > 1
    order = np.lexsort((filling, ~repeated, template))
    hand = np.unique(account, return_inverse=True)[1][order]
    start = np.searchsorted(template[order], np.arange(template.max() + 2))
    dealt = start[:-1] + _add_up(template, repeated.astype(np.int64))
    most = min(draws, max(999, _MOST_DEALT // max(1, int(repeated.sum()))))
    within = int(_pairs(uses.uses).sum())
    rng = np.random.Generator(np.random.PCG64(_SEED))
    return _draw(
        lambda size: _deal(hand, filling[order], start, dealt, size, rng) >= within,
        enough, most,
    )  # fmt: skip


def deal_accounts(own: Repeats, others: Repeats, *, enough: int = ENOUGH, draws: int = DRAWS) -> float:
    """Give the probability that accounts at random repeat themselves as much as the members.

    Args:
        own: accounts of the cluster.
        others: accounts that they are compared with.
        enough: draws that are as extreme, after which no more are made.
        draws: that are made at most.
    """
    uses, fillings = (np.concatenate(both) for both in zip(own[:2], others[:2], strict=True))
    share = (uses - fillings) / uses
    member = np.concatenate([own.accounts, np.zeros_like(others.accounts)])
    everybody = np.concatenate([own.accounts, others.accounts])
    level = np.log2(uses).astype(np.int64)
    observed = float(share @ member)
    rng = np.random.Generator(np.random.PCG64(_SEED))

    def exceed(size: int) -> NDArray[np.bool_]:
        total = np.zeros(size)
        for one in np.unique(level[member > 0]):
            of = level == one
            drawn = rng.multivariate_hypergeometric(
                everybody[of], int(member[of].sum()), size, method="marginals"
            )
            total += drawn @ share[of]
        return np.asarray(total >= observed - 1e-9 * max(1.0, observed))

    return _draw(exceed, enough, draws)


def _draw(exceed: Callable[[int], NDArray[np.bool_]], enough: int, draws: int) -> float:
    """Draw until enough draws are as extreme as what was observed, and give the p-value.

    Args:
        exceed: says of some draws which are as extreme.
        enough: after which no more draws are made.
        draws: that are made at most.
    """
    made = found = 0
    while made < draws:
        extreme = np.cumsum(exceed(min(_BATCH, draws - made)))
        if found + extreme[-1] >= enough:
            return enough / (made + 1 + int(np.searchsorted(extreme, enough - found)))
        made, found = made + len(extreme), found + int(extreme[-1])
    return (found + 1) / (draws + 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _deal(
    hand: NDArray[np.int64], filling: NDArray[np.int64], start: NDArray[np.int64], dealt: NDArray[np.int64],
    draws: int, rng: np.random.Generator,
) -> NDArray[np.int64]:  # fmt: skip
    """Deal accounts to uses, template by template; give the pairs of uses of one account and filling.

    Args:
        hand: account of each use; those of a template one after the other, as are those of a filling.
        filling: of each use.
        start: first use of each template, and the end of the last one.
        dealt: end of the uses of each template whose fillings are used more than once.
        draws: how often.
        rng: where they come from.
    """
    held = np.zeros(hand.max() + 1, np.int64)
    within = np.zeros(draws, np.int64)
    for draw in range(draws):
        for part in range(len(dealt)):
            since = start[part]
            for i in range(start[part], dealt[part]):
                other = i + int(rng.random() * (start[part + 1] - i))
                hand[i], hand[other] = hand[other], hand[i]
                if filling[i] != filling[since]:
                    for k in range(since, i):
                        held[hand[k]] = 0
                    since = i
                within[draw] += held[hand[i]]
                held[hand[i]] += 1
            for k in range(since, dealt[part]):
                held[hand[k]] = 0
    return within


def _pairs(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return values * (values - 1) // 2


def _add_up(groups: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add values up by the number of their group."""
    totals = np.zeros(int(groups.max(initial=-1)) + 1, np.int64)
    np.add.at(totals, groups, values)
    return totals


def _uses_of(rows: pa.Table) -> Uses:
    """Number what a cluster's rows name, in the order of the hashes."""
    template = np.unique(rows["template"].to_numpy(), return_inverse=True)[1]
    key = np.stack([template.astype(np.uint64), rows["filling"].to_numpy()])
    filling = np.unique(key, axis=1, return_inverse=True)[1].ravel()
    account = rows["account"].to_numpy().astype(np.int64)
    return Uses(template.astype(np.int64), account, filling.astype(np.int64), rows["uses"].to_numpy())


def _repeats_of(rows: pa.Table, cluster: int) -> Repeats:
    of: Sequence[NDArray[np.int64]] = [
        rows[name].to_numpy()[rows["cluster"].to_numpy() == cluster] for name in Repeats._fields
    ]
    return Repeats(*of)
