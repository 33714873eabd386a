"""Made-up traffic in which nothing but behaviour over time tells who works together."""

from __future__ import annotations

import numpy as np
import pandas as pd

START = pd.Timestamp("2026-02-02", tz="UTC")
_DAY = 86_400
# Relative traffic of each local hour.
_HOURS = np.array((3, 2, 1, 1, 1, 1, 2, 4, 6, 6, 6, 6, 7, 6, 6, 6, 7, 8, 9, 10, 11, 10, 8, 5)) / 132
_ROUND_MINUTES = (0, 0, 15, 30, 30, 45)


def frame(name: str, account, seconds, **columns) -> pd.DataFrame:
    """Rows of accounts by number, each with a device of its own."""
    ids = pd.Series(account).map(lambda number: f"{name}{number:05}")
    times = START + pd.to_timedelta(np.asarray(seconds), unit="s")
    return pd.DataFrame({"account_id": ids, "timestamp": times, "device_id": "of " + ids, **columns})


def hours_of(account, accounts: int, rng: np.random.Generator):
    """Draw an hour of the UTC day for each row, by the rhythm of the account's zone."""
    zone = rng.choice((0, 8, -7), accounts)
    return (rng.choice(24, len(account), p=_HOURS) - zone[account]) % 24


def spells(account, start, rng: np.random.Generator):
    """Let each spell of activity have some exchanges within minutes; give accounts and times."""
    length = 1 + rng.poisson(2, len(start))
    follow = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    times = np.repeat(start, length) + follow * rng.integers(20, 200, length.sum())
    return np.repeat(account, length), times


def people(accounts: int, days: int, rng: np.random.Generator) -> pd.DataFrame:
    """People of three time zones, who like the full and the half hours."""
    count = rng.poisson(4.0 * rng.lognormal(0, 0.5, accounts)[:, None] * (rng.random((accounts, days)) < 0.7))
    account, day = (np.repeat(index.ravel(), count.ravel()) for index in np.indices(count.shape))
    liked = rng.choice(_ROUND_MINUTES, len(account))
    minute = np.where(rng.random(len(account)) < 0.2, liked, rng.integers(0, 60, len(account)))
    start = day * _DAY + hours_of(account, accounts, rng) * 3_600 + minute * 60
    account, times = spells(account, start + rng.integers(0, 60, len(start)), rng)
    kept = times < days * _DAY
    return frame("p", account[kept], times[kept])


def synchronised(accounts: int, days: int, rng: np.random.Generator, jitter: int = 120) -> pd.DataFrame:
    """A campaign whose accounts mostly wake at the same eight moments of a day."""
    parts = []
    for day in range(days):
        for moment in rng.choice(140, 8, replace=False) * 600 + rng.integers(0, 600, 8):
            awake = np.flatnonzero(rng.random(accounts) < 0.8)
            start = day * _DAY + moment + rng.integers(0, jitter, len(awake))
            parts.append(frame("c", *spells(awake, start, rng)))
    return pd.concat(parts)


def teams(accounts: int, days: int, rng: np.random.Generator) -> pd.DataFrame:
    """Two teams that take turns: one stops when the other starts."""
    parts = []
    for day in range(days):
        at, team = int(rng.integers(600, 3_000)), 0
        while at < _DAY - 3_600:
            end = at + int(rng.integers(1_200, 2_400))
            for one in range(team, accounts, 2):
                times = np.arange(at + rng.integers(0, 60), end - rng.integers(0, 60), 90)
                parts.append(frame("c", np.full(len(times), one), day * _DAY + times))
            at, team = end, 1 - team
    return pd.concat(parts)


def movers(name: str, accounts: int, days: int, moves, rate: float, rng: np.random.Generator) -> pd.DataFrame:
    """Accounts that make most of their exchanges with a new model from their hour of ``moves`` on."""
    account = np.repeat(np.arange(accounts), rng.poisson(rate * days, accounts))
    hour = rng.integers(0, days, len(account)) * 24 + hours_of(account, accounts, rng)
    fresh = (hour >= np.asarray(moves)[account]) & (rng.random(len(account)) < 0.9)
    seconds = hour * 3_600 + rng.integers(0, 3_600, len(account))
    return frame(name, account, seconds, model=np.where(fresh, "atlas-5", "atlas-4"))


def lengths(name: str, accounts: int, middle, spread: float, rng: np.random.Generator) -> pd.DataFrame:
    """Accounts whose inputs and outputs are log-normal about their middles (accounts x 2, in logarithms)."""
    account = np.repeat(np.arange(accounts), 20 + rng.poisson(40, accounts))
    tokens = np.exp(np.asarray(middle)[account] + spread * rng.normal(size=(len(account), 2))).astype(int) + 1
    seconds = rng.integers(0, 3 * _DAY, len(account))
    return frame(name, account, seconds, input_tokens=tokens[:, 0], output_tokens=tokens[:, 1])
