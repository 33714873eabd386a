"""Communities that start from one signal: its holders in none, and pieces of them that something tied."""

from __future__ import annotations

import numpy as np

from clustergraph.membership.seeds import add_seeds


class Holders:
    """The holders of signals, as a graph has them."""

    def __init__(self, *held_by):
        start = np.concatenate([[0], np.cumsum([len(one) for one in held_by])])
        self.holders = start.astype(np.int64), np.concatenate(held_by).astype(np.int32)


def seed(labels, *held_by, min_accounts=3):
    signals = np.arange(len(held_by), dtype=np.int32)
    given = np.array(labels, np.int32)
    found = add_seeds(Holders(*held_by), given, signals, min_accounts=min_accounts)
    assert given.tolist() == labels
    return found.tolist()


def test_free_holders_become_a_community():
    assert seed([-1, -1, 0, -1, 0, 0], [0, 1, 3]) == [1, 1, 0, 1, 0, 0]


def test_too_few_do_not():
    assert seed([-1, -1, 0, 0, 0], [0, 1]) == [-1, -1, 0, 0, 0]


def test_an_empty_slot_is_no_holder():
    assert seed([0, 0, 0, -1, -1], [-1, 3, 4]) == [0, 0, 0, -1, -1]


def test_pieces_of_the_holders_join():
    assert seed([-1, -1, -1, 0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 5]) == [2] * 6 + [1] * 3


def test_a_piece_joins_whole_if_more_than_half_of_it_holds_the_signal():
    assert seed([-1, -1, -1, 0, 0, 0], [0, 1, 2, 3, 4]) == [1] * 6
    assert seed([-1, -1, -1, 0, 0, 0, 0], [0, 1, 2, 3, 4]) == [1] * 3 + [0] * 4


def test_two_pieces_join_without_anybody_free():
    assert seed([0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 5]) == [2] * 6


def test_a_community_of_its_own_stays_as_it_is():
    assert seed([0, 0, 0, -1], [0, 1, 2]) == [0, 0, 0, -1]


def test_a_later_signal_takes_what_an_earlier_one_made():
    assert seed([-1] * 5, [0, 1, 2], [1, 2, 3, 4]) == [1] * 5
    assert seed([-1] * 7, [0, 1, 2, 3], [2, 3, 4, 5, 6]) == [0] * 4 + [1] * 3
