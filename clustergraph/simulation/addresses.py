"""Networks, and addresses in them: IPv4 in blocks of a /12, IPv6 by /64, each with its ASN and country.

An address is a 64-bit code: an IPv4 address as its number, an IPv6 /64 with the highest bit set, the
network in bits 32 to 43 and the subscriber below.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clustergraph.simulation.tokens import Codes, Floats, Ints, mint, scramble
from clustergraph.simulation.world import World

# Country, weight among customers, hours ahead of UTC.
COUNTRIES: tuple[tuple[str, float, int], ...] = (
    ("US", 26, -6), ("IN", 12, 5), ("GB", 7, 0), ("DE", 6, 1), ("JP", 6, 9), ("BR", 5, -3), ("FR", 5, 1),
    ("CA", 5, -5), ("KR", 4, 9), ("SG", 3, 8), ("AU", 3, 10), ("NL", 3, 1), ("ES", 3, 1), ("IT", 2, 1),
    ("ID", 2, 7), ("MX", 2, -6), ("PL", 2, 1), ("SE", 1, 1), ("IL", 1, 2), ("CH", 1, 1),
)  # fmt: skip
COUNTRY_CODES = tuple(country for country, _, _ in COUNTRIES)
WEIGHTS: Floats = np.array([weight for _, weight, _ in COUNTRIES]) / sum(w for _, w, _ in COUNTRIES)
ZONES: Ints = np.array([zone for _, _, zone in COUNTRIES], np.int64)

# The plan of the networks. A country has six internet providers and two mobile carriers.
PROVIDERS, CARRIERS = 6, 2
PER_COUNTRY = PROVIDERS + CARRIERS
VPN, VPNS = PER_COUNTRY * len(COUNTRIES), 12
HOSTING, HOSTINGS = VPN + VPNS, 20
CAMPUS, CAMPUSES = 200, 300
TOWN = CAMPUS + CAMPUSES
NETWORKS = TOWN + 2_000
HOSTED = 0.04  # share of the people who have a server at a hosting company

_V6 = np.uint64(1 << 63)
_RESERVED = {0, 10, 100, 127, 169, 172, 192, 198}  # first octets with private or special blocks


def _blocks() -> Codes:
    octets = [octet for octet in range(1, 224) if octet not in _RESERVED]
    blocks = np.array([octet << 4 | part for octet in octets for part in range(16)], np.uint64)
    return blocks[np.argsort(scramble(blocks), kind="stable")][:NETWORKS]


_BLOCK = _blocks()
_NETWORK_OF_BLOCK = np.zeros(4096, np.int64)
_NETWORK_OF_BLOCK[_BLOCK] = np.arange(NETWORKS)


def _countries() -> Ints:
    network = np.arange(NETWORKS)
    spread = (scramble(network.astype(np.uint64)) % np.uint64(1 << 20)).astype(np.float64) / (1 << 20)
    anywhere = np.searchsorted(np.cumsum(WEIGHTS), spread)
    return np.where(network < VPN, network // PER_COUNTRY, np.minimum(anywhere, len(COUNTRIES) - 1))


COUNTRY_OF: Ints = _countries()
_ASN = pa.array([f"AS{1_200 + 23 * network}" for network in range(NETWORKS)])
_COUNTRY = pa.array(COUNTRY_CODES)
_PAIR = pa.array([f"{i >> 8}.{i & 255}" for i in range(65536)])
_HEXTET = pa.array([f"{i:x}" for i in range(65536)])


def v4(network: Ints, host: Codes) -> Codes:
    """The IPv4 address of a host, any code, in a network of 2**20 addresses."""
    return _BLOCK[network] << np.uint64(20) | host & np.uint64(0xFFFFF)


def home_addresses(world: World, network: Ints, home: Codes, hour: Ints) -> Codes:
    """The address of each home at an hour of the world: three in ten are IPv6, and leases end.

    A lease lasts one day to two weeks, so an address may pass from one home to another.
    """
    dice = scramble(home, world.seed)
    lease = np.int64(24) * (1 + (dice >> np.uint64(8)) % np.uint64(14)).astype(np.int64)
    phase = ((dice >> np.uint64(16)) % np.uint64(24 * 14)).astype(np.int64)
    host = scramble(dice ^ ((hour + phase) // lease).astype(np.uint64), 1)
    six = _V6 | network.astype(np.uint64) << np.uint64(32) | host & np.uint64(0xFFFFFFFF)
    return np.where(dice & np.uint64(255) < np.uint64(77), six, v4(network, host))


def neighbourly_addresses(world: World, network: Ints, home: Codes, hour: Ints) -> Codes:
    """The address of each home at an hour, among its neighbours': leases as in `home_addresses`.

    A provider has regions of eight /24s, for 16 homes that are customers or so; those of IPv6 have a /46. A
    lease brings a home another address of its region.
    """
    dice = scramble(home, world.seed)
    lease = np.int64(24) * (1 + (dice >> np.uint64(8)) % np.uint64(14)).astype(np.int64)
    phase = ((dice >> np.uint64(16)) % np.uint64(24 * 14)).astype(np.int64)
    host = scramble(dice ^ ((hour + phase) // lease).astype(np.uint64), 1)
    where = ((scramble(dice, 2) >> np.uint64(11)).astype(np.float64) * 2.0**-53) ** 1.3
    region = (_regions(world)[network] * where).astype(np.uint64)
    four = v4(network, region << np.uint64(11) | host & np.uint64(0x7FF))
    part = (dice >> np.uint64(40)) & np.uint64(3)  # of the region's four /48s
    six = region << np.uint64(18) | part << np.uint64(16) | host & np.uint64(0xFFFF)
    six = _V6 | network.astype(np.uint64) << np.uint64(32) | six
    return np.where(dice & np.uint64(255) < np.uint64(77), six, four)


def _regions(world: World) -> Ints:
    """How many regions each network has: at most 512, which fill its /12."""
    customers = np.ones(NETWORKS)
    share = (np.arange(1, PROVIDERS + 1) / PROVIDERS) ** (1 / 1.5)
    for rank, part in enumerate(np.diff(share, prepend=0)):
        customers[rank:VPN:PER_COUNTRY] = part * WEIGHTS * world.accounts
    return np.clip(np.round(customers / 16), 1, 512).astype(np.int64)


def small_provider(country: Ints, dice: Floats) -> Ints:
    """One of the small providers of a country: dozens to hundreds, the first ones with most customers."""
    order = np.argsort(COUNTRY_OF[TOWN:], kind="stable")
    count = np.bincount(COUNTRY_OF[TOWN:], minlength=len(COUNTRIES))
    first = np.cumsum(count) - count
    return np.asarray(TOWN + order[first[country] + (count[country] * dice**2).astype(np.int64)], np.int64)


def hosted_addresses(world: World, customer: Codes, dice: Floats) -> Codes:
    """The address of each customer of a hosting company, in /24s that four of them or so share.

    The last octet is 224 or more, so that a campaign in the same /24 can have addresses all its own.
    """
    company = (HOSTINGS * dice**1.5).astype(np.int64)
    place = scramble(customer, world.seed)
    block = hosting_block(company, (place >> np.uint64(8)) % np.uint64(hosting_blocks(world)))
    return block | np.uint64(224) + place % np.uint64(32)


def hosting_blocks(world: World) -> int:
    """How many /24s of each hosting company have customers."""
    return min(4_096, max(2, round(HOSTED * world.accounts / HOSTINGS / 4)))


def hosting_block(company: Ints, number: Codes) -> Codes:
    """The first address of a numbered /24 of a hosting company."""
    return v4(HOSTING + company, number << np.uint64(8))


def provider(country: Ints, dice: Floats) -> Ints:
    """An internet provider of the country; the first one has most customers."""
    return PER_COUNTRY * country + (PROVIDERS * dice**1.5).astype(np.int64)


def carrier_exits(world: World, country: Ints, carrier: Ints, dice: Floats) -> Codes:
    """Exits of a country's mobile carrier, each with a few hundred customers at a time."""
    exits = np.maximum(24, WEIGHTS[country] * world.accounts / 250).astype(np.int64)
    network = PER_COUNTRY * country + PROVIDERS + carrier
    number = (exits * dice**1.5).astype(np.int64)
    return v4(network, scramble(mint("carrier", network * 100_000 + number), world.seed))


def town_exits(world: World, town: Ints, dice: Floats) -> Codes:
    """Exits of a town's carrier: two to four dozen."""
    exits = 24 + (scramble(town.astype(np.uint64)) % np.uint64(25)).astype(np.int64)
    number = (exits * dice**1.3).astype(np.int64)
    return v4(TOWN + town, scramble(mint("town", town * 100 + number), world.seed))


def vpn_exits(world: World, service: Ints, dice: Floats) -> Codes:
    """Exits of a VPN service, which its customers everywhere share."""
    number = (max(8, world.accounts // 8_000) * dice).astype(np.int64)
    return v4(VPN + service, scramble(mint("vpn", service * 100_000 + number), world.seed))


def rented_exits(world: World, purpose: str, count: int) -> Codes:
    """Exits that an operator rents: half from hosting companies, half from providers all over the world."""
    rng = world.stream(purpose, "rented")
    hosted = HOSTING + rng.integers(0, HOSTINGS, count)
    homely = provider(rng.choice(len(COUNTRIES), count, p=WEIGHTS), rng.random(count))
    host = scramble(mint(purpose, np.arange(count)), world.seed)
    return v4(np.where(rng.random(count) < 0.5, hosted, homely), host)


def networks_of(addresses: Codes) -> Ints:
    """The network that each address belongs to."""
    four = _NETWORK_OF_BLOCK[(addresses >> np.uint64(20) & np.uint64(0xFFF)).astype(np.int64)]
    six = (addresses >> np.uint64(32) & np.uint64(0xFFF)).astype(np.int64)
    return np.where(addresses >= _V6, six, four)


def asn_strings(networks: Ints) -> pa.Array:
    """The ASN of each network."""
    return _ASN.take(pa.array(networks))


def address_strings(addresses: Codes, interface: Codes) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Addresses as people read them, their ASNs and their countries; null for code 0.

    Args:
        addresses: codes.
        interface: any codes; they choose the lower half of an IPv6 address, which changes within its /64.
    """
    known = addresses != 0
    network = pa.array(networks_of(addresses), mask=~known)
    return (
        _strings(addresses, interface, known),
        _ASN.take(network),
        _COUNTRY.take(pa.array(COUNTRY_OF[networks_of(addresses)], mask=~known)),
    )


def _strings(addresses: Codes, interface: Codes, known: np.ndarray) -> pa.Array:
    six = addresses >= _V6
    four = addresses[known & ~six]
    low = _PAIR.take(pa.array(four & np.uint64(0xFFFF)))
    short = pc.binary_join_element_wise(_PAIR.take(pa.array(four >> np.uint64(16))), low, ".")
    long = _v6_strings(addresses[six], interface[six])
    place = np.cumsum(known & ~six) - 1
    place[six] = four.size + np.arange(int(six.sum()))
    return pa.concat_arrays([short, long]).take(pa.array(place, mask=~known))


def _v6_strings(addresses: Codes, interface: Codes) -> pa.Array:
    network = addresses >> np.uint64(32) & np.uint64(0xFFF)
    hextets = [np.uint64(0x2A00) + (network >> np.uint64(6)), (network & np.uint64(63)) << np.uint64(10)]
    hextets += [addresses >> np.uint64(16), addresses]
    lower = scramble(interface)
    hextets += [lower >> np.uint64(shift) for shift in (48, 32, 16, 0)]
    parts = [_HEXTET.take(pa.array(hextet & np.uint64(0xFFFF))) for hextet in hextets]
    return pc.binary_join_element_wise(*parts, ":")
