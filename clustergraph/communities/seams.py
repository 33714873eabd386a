"""Where one account alone holds together what holds without it: the seams that modularity does not see.

Modularity joins two cliques as soon as one vertex of them is in both, if the graph is large (the resolution
limit of Fortunato and Barthélemy 2007). But a few accounts of any group are tied to somebody by chance, and
so a household would be taken for a part of the campaign that one of its members met by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clustergraph.communities.blocks import find_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clustergraph.communities.pairs import Pairs


def find_seams(labels: NDArray[np.int32], ties: Pairs, *, min_accounts: int) -> NDArray[np.intp]:
    """Find the ties by which one account alone connects well-knit parts of one community.

    A part is well-knit if at least ``min_accounts`` accounts stay connected whichever of them is taken away
    (a block, or biconnected component, of three or more). An account by which alone several such parts hang
    together stays with the block to which its ties have the most bits; its ties to the others are seams.

    Args:
        labels: community of each account, -1 for none.
        ties: of the accounts.
        min_accounts: least size of a well-knit part.

    Returns:
        Numbers of ties, ascending.
    """
    inside = np.flatnonzero((labels[ties.source] == labels[ties.target]) & (labels[ties.source] >= 0))
    source, target = ties.source[inside].astype(np.int64), ties.target[inside].astype(np.int64)
    vertex, block = find_blocks(len(labels), source, target)
    blocks = int(block.max(initial=-1)) + 1
    knit = np.bincount(block, minlength=blocks) >= max(min_accounts, 3)
    joint_vertex, joint_block = _prune(vertex, block, knit)
    if not len(joint_vertex):
        return inside[:0]
    # The others, which are most in a large community, are no seams.
    is_joint = np.zeros(len(labels), bool)
    is_joint[joint_vertex] = True
    at_joint = is_joint[source] | is_joint[target]
    inside, source, target = inside[at_joint], source[at_joint], target[at_joint]
    of_tie = _find_blocks_of_ties(source, target, vertex * blocks + block, blocks)
    keys = np.concatenate([source * blocks + of_tie, target * blocks + of_tie])
    given_up = _choose(keys, np.tile(ties.bits[inside], 2), joint_vertex * blocks + joint_block, blocks)
    return inside[np.isin(keys, given_up).reshape(2, -1).any(axis=0)]


def _prune(
    vertex: NDArray[np.int64], block: NDArray[np.int64], knit: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take off what leads to no well-knit block, from the ends of the tree of blocks inwards.

    Left are the accounts between well-knit blocks, each with the blocks that lie towards one.
    """
    while True:
        at_vertex, at_block = np.bincount(vertex), np.bincount(block)
        kept = (at_vertex[vertex] > 1) & ((at_block[block] > 1) | knit[block])
        if kept.all():
            return vertex, block
        vertex, block = vertex[kept], block[kept]


def _find_blocks_of_ties(
    source: NDArray[np.int64], target: NDArray[np.int64], members: NDArray[np.int64], blocks: int
) -> NDArray[np.int64]:
    """Find the one block that both ends of each tie are in; ``members`` are keys of vertices and blocks."""
    members = np.sort(members)
    start, end = (np.searchsorted(members, (source + more) * blocks) for more in (0, 1))
    count = end - start
    tie = np.repeat(np.arange(len(source)), count)
    row = np.arange(len(tie)) - np.repeat(np.cumsum(count) - count, count)
    block = members[start[tie] + row] % max(blocks, 1)
    return np.asarray(block[np.isin(target[tie] * blocks + block, members)])


def _choose(
    keys: NDArray[np.int64], bits: NDArray[np.float64], joints: NDArray[np.int64], blocks: int
) -> NDArray[np.int64]:
    """Give the joints (account and block) that accounts give up: all but each one's strongest."""
    at_joint = np.isin(keys, joints)
    joints, inverse = np.unique(keys[at_joint], return_inverse=True)
    strength = np.bincount(inverse, bits[at_joint], len(joints))
    account = joints // max(blocks, 1)
    order = np.lexsort((-strength, account))
    strongest = np.unique(account[order], return_index=True)[1]
    return np.delete(joints[order], strongest)
