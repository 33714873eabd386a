"""Mail addresses: names like people's at a few large providers, hundreds of small domains, and companies.

Half of the people are with two large providers, most others with some dozen smaller ones of the world or
their country, five in a hundred have a domain of their own, six share one of a small company with a few
others, and eight in a thousand use a throw-away domain. Members of an organisation have its domain.
"""

import numpy as np

from clustergraph.simulation import wording
from clustergraph.simulation.addresses import COUNTRY_CODES
from clustergraph.simulation.tokens import Ints
from clustergraph.simulation.world import World

TLD = "example"  # reserved: no address of a made-up world is anybody's
LARGE = ("bluepost", "mailhearth")
SMALLER = (
    "postlane",
    "quickletter",
    "nimbusmail",
    "inkwell",
    "openpost",
    "paperplane",
    "hushbox",
    "orbitmail",
)
THROWAWAY = 60
_HEADS = ("al", "bar", "cor", "dal", "el", "fen", "gar", "hol", "ir", "jan", "kel", "lor", "mar", "nor",
          "ost", "par", "quin", "ros", "sal", "tor", "ul", "ver", "wal", "yar", "zim")  # fmt: skip
_MIDDLES = ("a", "e", "i", "o", "u", "an", "en", "in", "er", "ar", "el", "is")
_TAILS = (
    "berg",
    "son",
    "ski",
    "ez",
    "ov",
    "ini",
    "man",
    "ton",
    "field",
    "ova",
    "dal",
    "sen",
    "ic",
    "u",
    "ard",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_emails(world: World, name: str, country: Ints, company: Ints, label: str) -> list[str]:
    """Write a mail address for each account of a cohort.

    Args:
        world: the world.
        name: the cohort.
        country: of each account.
        company: number of the organisation whose domain each account has, -1 for none.
        label: what such an organisation is; part of its domain.
    """
    rng = world.stream(name, "emails")
    dice = rng.random((country.size, 4))
    numbers = rng.integers(0, 2**31, (country.size, 3))
    small = max(30, world.accounts // 60)
    return [
        f"{_local_part(number, shape)}@"
        + (f"{_word(host * 7_919)}-{label}{host}" if host >= 0 and part < 0.9 else
           _domain(COUNTRY_CODES[at], part, again, small, number[0]))
        + f".{TLD}"
        for at, host, (part, again, shape, _), number in zip(
            country.tolist(), company.tolist(), dice.tolist(), numbers.tolist(), strict=True
        )
    ]  # fmt: skip


def unique(emails: list[str]) -> list[str]:
    """The same addresses, a number added to each that somebody else had first, as providers ask for."""
    taken: dict[str, int] = {}
    out = []
    for email in emails:
        again = taken.get(email, 0)
        taken[email] = again + 1
        local, domain = email.split("@")
        out.append(f"{local}.{again + 1}@{domain}" if again else email)
    return out


def machine_made(rng: np.random.Generator, shape: int) -> str:
    """The local part that a program makes up: seven letters and four digits, or two around eight."""
    letters = "".join(_LETTERS[one] for one in rng.integers(0, 26, 7))
    if shape == 0:
        return letters + "".join(map(str, rng.integers(0, 10, 4)))
    return f"{letters[0]}{int(rng.integers(10**7, 10**8))}{letters[1]}"


def throwaway_domain(number: int) -> str:
    """One of the domains that anybody gets an address of without signing up."""
    return f"{_word(number * 104_729 + 5)}box.{TLD}"


def _domain(country: str, part: float, again: float, small: int, number: int) -> str:
    if part < 0.5:
        return LARGE[part > 0.3]
    if part < 0.75:
        return SMALLER[int(len(SMALLER) ** again) - 1]
    if part < 0.88:
        return f"{('netpost', 'homebox', 'telmail')[int(3**again) - 1]}.{country.lower()}"
    if part < 0.93:
        return f"{_word(number)}{number % 9_973}"
    if part < 0.992:
        return f"{_word(int(small * again**1.5) * 31)}-co{int(small * again**1.5)}"
    return throwaway_domain(int(THROWAWAY * again)).removesuffix(f".{TLD}")


def _local_part(numbers: list[int], shape: float) -> str:
    first, last, number = numbers
    name = wording.FIRST_NAMES[first % len(wording.FIRST_NAMES)].lower()
    family = _word(last)
    year, digits = 1955 + number % 55, number % 1_000
    shapes = (
        f"{name}.{family}", f"{name}{family}", f"{name[0]}{family}", f"{name}.{family}{digits % 100}",
        f"{name}{year}", f"{family}.{name}", f"{name}_{family}", f"{name[0]}.{family}", f"{family}{digits}",
        f"{name}{digits}", f"{_word(number)}{year % 100:02d}", f"{name}.{family[0]}", f"{name}-{family}",
        f"{_word(number)}{_word(first)}", f"{name[0]}{family}{digits}", f"{name}.{family}.{year}",
        f"{_word(number)[:3]}{digits:03d}{_word(last)[:2]}",
    )  # fmt: skip
    return shapes[int((len(shapes) + 1) ** shape) - 1]


def _word(number: int) -> str:
    head, rest = _HEADS[number % len(_HEADS)], number // len(_HEADS)
    return head + _MIDDLES[rest % len(_MIDDLES)] + _TAILS[rest // len(_MIDDLES) % len(_TAILS)]
