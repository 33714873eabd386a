"""Request parameters: client libraries with their defaults, and the odd values of those who set their own.

A request shape is a 64-bit code with eight bits or more for each parameter, the place of its value in the
lists below; 0 is a value that was not given. People in browsers and apps give none.
"""

import numpy as np
import pyarrow as pa

from clustergraph.simulation.cohort import Pool, pool, ragged
from clustergraph.simulation.tokens import Bools, Codes, Floats, Ints
from clustergraph.simulation.world import World

BROWSERS_AND_APPS = (0, 1, 2, 9, 10)
LIBRARIES = (
    None, "atlas-python 1.12.0", "atlas-python 1.9.3", "atlas-node 2.4.1", "atlas-go 0.8.0",
    "lanternchain 0.3.27", "lanternchain 0.2.11", "quillkit 4.1.0", "agentloom 1.6.2", "promptyard 0.14.0",
    "datamill 2.0.5", "fieldbook 0.9.1", "corvid-rs 0.5.3",
)  # fmt: skip
TEMPERATURES = (None, "0", "1", "0.7", "0.2", "0.5", "0.3", "0.1", "0.8", "0.9", "0.6", "0.4", "0.01",
                "0.25", "0.75", "0.65", "0.15", "0.95", "0.35", "1.2", "0.85", "0.05", "0.55", "0.45",
                "0.33", "0.62")  # fmt: skip
TOP_PS = (None, "1", "0.95", "0.9", "0.8", "0.99", "0.7", "0.5", "0.85", "0.98", "0.6", "0.3")
MAX_TOKENS = (None, *map(str, (
    4096, 1024, 2048, 8192, 1000, 512, 256, 2000, 4000, 500, 16384, 3000, 300, 100, 1500, 32000, 8000, 64000,
    200, 128, 5000, 6000, 10000, 1200, 800, 64, 16000, 2500, 50, 700, 1, 3500, 600, 7000, 400, 12000, 1800,
    3072, 6144, 2200, 150, 20000, 900, 1250, 3600, 3917, 2750, 4444, 1337, 5120, 2345,
)))  # fmt: skip
STOPS = (None, "\\n\\n", "END", "###", "</answer>", "User:", "Human:", "```", "---", "STOP", "<|end|>", "\\n",
         "Observation:", "</output>", "Question:", "</json>", "[DONE]", "=== END ===")  # fmt: skip
_TOOL_NAMES = (
    "search", "run_code", "read_file", "write_file", "browse", "send_email", "get_weather", "query_sql",
    "calendar", "lookup", "translate", "fetch_url", "create_ticket", "calculator", "list_files", "plot",
)  # fmt: skip
TOOL_SETS = 400
_SHIFTS = (0, 8, 16, 24, 32, 40)  # library, temperature, top_p, max_tokens, stop, tools
# The number of the library that each user agent stands for; those that are missing have none of their own.
_OF_AGENT = {4: 1, 5: 2, 6: 3, 7: 4, 12: 7, 13: 9, 14: 8, 15: 11}
# What a library fills in by itself: temperature and most tokens.
_DEFAULTS = (
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 2),
    (0, 1),
    (3, 0),
    (3, 7),
    (0, 1),
    (1, 1),
    (2, 3),
    (1, 4),
    (0, 0),
    (0, 2),
)


def _tool_sets() -> list[str | None]:
    """Sets of one to six tools by number, each written as its names in order."""
    rng = np.random.Generator(np.random.PCG64(6))
    sets: dict[str, None] = {}
    while len(sets) < TOOL_SETS:
        chosen = rng.choice(len(_TOOL_NAMES), 1 + int(rng.integers(0, 6)), replace=False)
        sets[",".join(sorted(_TOOL_NAMES[one] for one in chosen))] = None
    return [None, *sets]


_TOOLS = _tool_sets()
_LISTS = dict(
    zip(
        ("client_library", "temperature", "top_p", "max_tokens", "stop", "tools"),
        (LIBRARIES, TEMPERATURES, TOP_PS, MAX_TOKENS, STOPS, _TOOLS),
        strict=True,
    )
)
COLUMNS = tuple(_LISTS)


def shape(*places: Ints) -> Codes:
    """The codes of request shapes from the places of their values, in the order of `COLUMNS`."""
    code = np.zeros(np.broadcast(*places).shape, np.uint64)
    for place, shift in zip(places, _SHIFTS, strict=True):
        code = code | np.asarray(place).astype(np.uint64) << np.uint64(shift)
    return code


def is_program(agent: Ints) -> Bools:
    """Whether a user agent is a library's or a tool's rather than a browser or an app."""
    return ~np.isin(agent, BROWSERS_AND_APPS)


def habitual_requests(world: World, name: str, agent: Ints) -> Pool:
    """The request shapes of each account: its library's defaults; three in ten set values of their own.

    Who sets values has one to three shapes and uses each as often as the defaults.
    """
    rng = world.stream(name, "requests")
    accounts = agent.size
    library = _libraries(agent, rng)
    defaults = np.array(_DEFAULTS)[library]
    none = np.zeros(accounts, np.int64)
    usual = np.where(
        is_program(agent), shape(library, defaults[:, 0], none, defaults[:, 1], none, none), np.uint64(0)
    )
    odd = np.where(is_program(agent) & (rng.random(accounts) < 0.3), rng.integers(1, 4, accounts), 0)
    owner, place = ragged(odd + 1)
    own = shape(
        library[owner],
        _some(TEMPERATURES, 0.25, rng, owner.size),
        _some(TOP_PS, 0.75, rng, owner.size),
        _some(MAX_TOKENS, 0.2, rng, owner.size),
        _some(STOPS, 0.8, rng, owner.size),
        _some(_TOOLS, 0.6, rng, owner.size),
    )
    return pool(odd + 1, np.where(place == 0, usual[owner], own))


def odd_shapes(count: int, rng: np.random.Generator) -> Codes:
    """Request shapes whose every value is rare, no two of them alike."""
    late = [
        len(values) - 1 - rng.permutation(len(values) // 2)[np.arange(count) % (len(values) // 2)]
        for values in (TEMPERATURES, TOP_PS, MAX_TOKENS, STOPS, _TOOLS)
    ]
    return shape(np.full(count, 12), *late)


def request_columns(requests: Codes) -> dict[str, pa.Array]:
    """The parameters as they are written: text, null where none was given."""
    return {
        name: pa.array(values, pa.string()).take(
            pa.array(((requests >> np.uint64(at)) & np.uint64(0xFF if at < 40 else 0xFFFF)).astype(np.int64))
        )
        for (name, values), at in zip(_LISTS.items(), _SHIFTS, strict=True)
    }


def _libraries(agent: Ints, rng: np.random.Generator) -> Ints:
    own = np.array([_OF_AGENT.get(number, 0) for number in range(int(agent.max(initial=0)) + 1)])[agent]
    framework = 5 + (8.0 ** rng.random(agent.size)).astype(np.int64) - 1
    chosen = np.where(rng.random(agent.size) < 0.7, own, framework)
    return np.where(is_program(agent), chosen, 0)


def _some(
    values: tuple[str | None, ...] | list[str | None], absent: float, rng: np.random.Generator, n: int
) -> Ints:
    """Places of values by Zipf's law, or of none for a share."""
    dice: Floats = rng.random(n)
    return np.where(rng.random(n) < absent, 0, ((len(values) - 1) ** dice).astype(np.int64))
