"""Which clusters legitimate sharing explains, and what refuses each explanation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from clustergraph.clusters.legitimacy import CODES, join_reasons
from tests.made_clusters import CROWD, FAMILIES, Made, crowd, judge, organizations, people_volumes

if TYPE_CHECKING:
    from clustergraph.engines.duckdb import DuckDBEngine

COMPANY: dict[str, Any] = {
    "size": 40, "card": "c", "ip": "x", "template": 8, "organization": "acme", "volumes": 4.0,
}  # fmt: skip
FAMILY: dict[str, Any] = {"size": 4, "card": 4, "device": 2, "ip": 4}
CELL: dict[str, Any] = {"size": 6, "card": 6, "ip": 6, "template": 6, "volumes": np.full(6, 300.0)}
CAMPUS: dict[str, Any] = {"size": 80, "ip": 20, "template": 16}
TOOL: dict[str, Any] = {"size": 30, "template": "prompt"}
CLUB: dict[str, Any] = {"size": 5, "ip": 5, "template": 5}
MADE = {
    "organization": COMPANY, "small_premises": FAMILY, "shared_place": CAMPUS, "shared_tool": TOOL,
}  # fmt: skip


def people() -> Made:
    """A crowd, organisations, and users of a popular tool."""
    made = crowd()
    organizations(made)
    made.add("user", 60, template="prompt")
    return made


def one(
    engine: DuckDBEngine, group: dict[str, Any], made: Made | None = None, **options: Any
) -> tuple[str | None, str | None]:
    """Make one cluster among people, and give its code and reason."""
    made = made or people()
    made.add("it", cluster=0, **group)
    found = judge(made, engine, **options)
    return found.code[0], found.reason[0]


@pytest.mark.parametrize("code", MADE)
def test_legitimate_sharing_is_explained(engine: DuckDBEngine, code: str) -> None:
    found, reason = one(engine, MADE[code])
    assert found == code
    assert reason is not None
    assert "volume per account" in reason


def test_every_code_is_tried() -> None:
    assert set(MADE) == set(CODES)


def test_clubs_are_people_of_a_place(engine: DuckDBEngine) -> None:
    assert one(engine, CLUB)[0] == "shared_place"


def test_the_reason_of_an_organisation_has_figures(engine: DuckDBEngine) -> None:
    reason = one(engine, COMPANY)[1]
    assert reason == (
        "all 40 members belong to the verified organisation acme, and they make 1.0 times the volume per "
        "account of the median organisation"
    )


# Nothing explains these


@pytest.mark.parametrize(
    "group",
    [
        {"size": 40, "card": "lone"},  # one card and nothing else
        {"size": 60, "card": 12, "device": 15, "ip": 20, "template": 20},  # cards and devices by the dozen
        {"size": 60, "ip": 20, "template": 20, "device": 15},
        {"size": 60, "card": 5, "ip": 20, "template": 20},  # cells that keep to a household's size
        {"size": 11, "card": 11, "ip": 11},  # too many for small premises
    ],
)
def test_nothing_explains_those_who_share_cards_and_devices(
    engine: DuckDBEngine, group: dict[str, Any]
) -> None:
    assert one(engine, group) == (None, None)


def test_an_unknown_family_is_a_persons(engine: DuckDBEngine) -> None:
    group = CAMPUS | {"device": 20}
    assert one(engine, group, families=FAMILIES | {"device": "phone"})[0] is None
    assert one(engine, group, families=FAMILIES | {"device": "network"})[0] == "shared_place"


def test_an_unknown_family_makes_no_household(engine: DuckDBEngine) -> None:
    family = {"size": 4, "device": 4}
    assert one(engine, family)[0] == "small_premises"
    assert one(engine, family, families=FAMILIES | {"device": "phone"})[0] is None


def test_what_everybody_has_is_not_shared(engine: DuckDBEngine) -> None:
    made = Made()
    made.add("crowd", 300, device="browser")
    made.add("others", 300)
    assert one(engine, CAMPUS | {"size": 40, "device": "browser"}, made)[0] is None  # all of it: a farm
    made = Made()
    made.add("crowd", CROWD, device="browser")
    assert one(engine, CAMPUS | {"size": 40, "device": "browser"}, made)[0] == "shared_place"


# Organisations


@pytest.mark.parametrize(
    ("outside", "code"), [(0, "organization"), (2, "organization"), (3, None), (10, None), (49, None)]
)
def test_members_outside_the_organisation_refuse(
    engine: DuckDBEngine, outside: int, code: str | None
) -> None:
    group = COMPANY | {"size": 100, "organization": lambda number: "acme" if number >= outside else None}
    found, reason = one(engine, group)
    assert found == code
    assert reason is not None
    if outside:
        assert reason.startswith(f"{100 - outside} of 100 members belong to the verified organisation acme, ")
    if code is None:
        assert reason.endswith(f"but {outside} do not")


def test_the_loud_outsider_refuses(engine: DuckDBEngine) -> None:
    group = COMPANY | {"size": 100, "organization": lambda number: "acme" if number else None}
    volumes = people_volumes(100, 4.0)
    volumes[0] = 0.03 * volumes[1:].sum()
    assert one(engine, group | {"volumes": volumes})[0] is None


@pytest.mark.parametrize(
    ("shared", "code"),
    [({}, "organization"), ({"card": "c"}, None), ({"device": "d"}, None), ({"template": "it/0"}, None)],
)
def test_neighbours_at_one_address_do_not_take_part(
    engine: DuckDBEngine, shared: dict[str, str], code: str | None
) -> None:
    made = people()
    made.add("it", cluster=0, **COMPANY | {"device": "d"})
    made.add("neighbour", 4, cluster=0, ip="x", **shared)
    assert judge(made, engine).code == [code]


def test_another_organisation_is_outside(engine: DuckDBEngine) -> None:
    group = COMPANY | {"organization": lambda number: "acme" if number < 30 else "rival"}
    made = people()
    made.add("it", cluster=0, **group)
    found = judge(made, engine)
    assert found.code == [None]
    assert found.verified is not None
    assert found.verified.tolist() == [40]


@pytest.mark.parametrize("times", [12.5, 80.0])
def test_an_organisation_out_of_line_with_others_is_refused(engine: DuckDBEngine, times: float) -> None:
    found, reason = one(engine, COMPANY | {"volumes": times})
    assert found is None
    assert reason is not None
    told = re.search(
        r"but they make ([\d.]+) times the volume per account of the median organisation", reason
    )
    assert told is not None
    assert float(told[1]) == pytest.approx(times / 4, rel=0.2)


def test_one_organisation_sets_no_standard_for_itself(engine: DuckDBEngine) -> None:
    found, reason = one(engine, COMPANY | {"volumes": 40.0}, crowd())
    assert found is None
    assert reason is not None
    assert "times the usual volume per account" in reason
    assert one(engine, COMPANY | {"volumes": 1.0}, crowd())[0] == "organization"


def test_organisations_that_differ_are_given_room(engine: DuckDBEngine) -> None:
    made = crowd()
    for number in range(15):
        made.add(f"org{number}-", 10, organization=f"org-{number}", volumes=0.25 * 1.7**number)
    assert one(engine, COMPANY | {"volumes": 50.0}, made)[0] == "organization"


# Never a shelter


@pytest.mark.parametrize("code", MADE)
def test_volume_refuses_every_explanation(engine: DuckDBEngine, code: str) -> None:
    group = MADE[code]
    volumes = people_volumes(group["size"], 40.0)
    found, reason = one(engine, group | {"volumes": volumes})
    assert found is None
    assert reason is not None
    assert ", but they make " in reason


@pytest.mark.parametrize("code", sorted(set(MADE) - {"organization"}))
def test_quiet_members_do_not_hide_a_loud_one(engine: DuckDBEngine, code: str) -> None:
    group = MADE[code]
    volumes = people_volumes(group["size"], 0.1)
    volumes[0] = 500.0 * group["size"]
    found, reason = one(engine, group | {"volumes": volumes})
    assert found is None
    assert reason is not None
    assert "above that of 999 in 1,000 other accounts" in reason


@pytest.mark.parametrize("factor", [1.0, 3.0, 10.0, 100.0])
@pytest.mark.parametrize("code", MADE)
def test_more_volume_can_only_refuse(engine: DuckDBEngine, code: str, factor: float) -> None:
    group, rng = MADE[code], np.random.default_rng(int(factor))
    codes = []
    for grown in (1.0, factor, 3 * factor):
        volumes = people_volumes(group["size"], group.get("volumes", 1.0))
        volumes[rng.permutation(group["size"])[: group["size"] // 2]] *= grown
        codes.append(one(engine, group | {"volumes": volumes})[0])
    assert codes == sorted(codes, key=lambda code: code is None)


def test_cells_are_not_small_premises(engine: DuckDBEngine) -> None:
    found, reason = one(engine, CELL)
    assert found is None
    assert reason is not None
    assert reason.startswith("its 6 members share an address and a card or device, as a household or a small")
    assert one(engine, CELL | {"volumes": 1.0})[0] == "small_premises"


def test_small_offices_are_compared_with_staff(engine: DuckDBEngine) -> None:
    office = {"size": 6, "card": 6, "ip": 6, "volumes": 8.0}
    assert one(engine, office)[0] == "small_premises"
    assert one(engine, office, known=False)[0] is None
    assert one(engine, office, crowd())[0] is None  # nobody is staff here


def test_a_loud_organisation_does_not_make_loudness_usual(engine: DuckDBEngine) -> None:
    made = people()
    made.add("loud", 16, organization="loud", volumes=400.0)
    assert one(engine, CELL, made)[0] is None


def test_a_family_of_up_to_five_need_not_live_together(engine: DuckDBEngine) -> None:
    assert one(engine, {"size": 5, "card": 5})[0] == "small_premises"
    assert one(engine, {"size": 6, "card": 6})[0] is None


@pytest.mark.parametrize("code", ["shared_place", "shared_tool"])
def test_volumes_that_are_all_alike_refuse(engine: DuckDBEngine, code: str) -> None:
    found, reason = one(engine, MADE[code] | {"volumes": np.linspace(14.0, 17.0, MADE[code]["size"])})
    assert found is None
    assert reason is not None
    assert reason.endswith("but their volumes are more alike than those of other accounts")


@pytest.mark.parametrize("code", MADE)
def test_a_week_of_creations_refuses(engine: DuckDBEngine, code: str) -> None:
    group = MADE[code]
    if code == "small_premises":
        group = group | {"size": 8, "card": 4, "ip": 8}
    days = np.where(np.arange(group["size"]) % 8 == 0, 100.0, 300.0 + np.arange(group["size"]) * 0.01)
    found, reason = one(engine, group | {"days": days})
    assert found is None
    assert reason is not None
    assert reason.endswith("of them were created within one week")
    if code != "organization":
        assert one(engine, group | {"days": days}, known=False)[0] == code


def test_a_week_in_which_everybody_came_refuses_nobody(engine: DuckDBEngine) -> None:
    launch = np.where(np.arange(CROWD) % 3 > 0, 300.0, np.arange(CROWD))
    made = crowd(days=launch)
    assert one(engine, CAMPUS | {"days": np.full(80, 300.0)}, made)[0] == "shared_place"


def test_organisations_may_begin_all_at_once_where_they_do(engine: DuckDBEngine) -> None:
    made = crowd()
    for number in range(12):
        made.add(
            f"org{number:02d}-",
            12,
            organization=f"org-{number:02d}",
            volumes=4.0,
            days=np.full(12, 50.0 * number),
        )
    assert one(engine, COMPANY | {"days": np.full(40, 300.0)}, made)[0] == "organization"


def test_dates_near_each_other_refuse(engine: DuckDBEngine) -> None:
    found, reason = one(engine, CAMPUS | {"days": 300.0 + 0.8 * np.arange(80)})
    assert found is None
    assert reason is not None
    assert "their dates of creation are nearer to each other" in reason


@pytest.mark.parametrize("group", [CAMPUS, TOOL])
def test_a_lack_that_is_not_on_record_says_nothing(engine: DuckDBEngine, group: dict[str, Any]) -> None:
    found, reason = one(engine, group | {"card": None, "device": None})
    assert found is None
    assert reason is not None
    assert "cards or devices are on record for only 0% of them" in reason
    assert one(engine, group | {"card": None})[0] is not None


def test_without_cards_and_devices_no_place_is_known(engine: DuckDBEngine) -> None:
    made = Made()
    made.add("crowd", CROWD, card=None, device=None)
    assert one(engine, CAMPUS | {"card": None, "device": None}, made) == (None, None)


def test_without_others_nothing_is_usual(engine: DuckDBEngine) -> None:
    made = Made()
    made.add("few", 20)
    found, reason = one(engine, FAMILY | {"size": 3, "card": 3, "ip": 3}, made)
    assert found is None
    assert reason is not None
    assert reason.endswith("there are too few other accounts to compare them with")


# Places and tools


def test_households_among_people_of_a_place_are_no_objection(engine: DuckDBEngine) -> None:
    made = people()
    made.add("it", 30, cluster=0, ip=15, template=15)
    made.add("family", 12, cluster=0, card=4, ip="it/0", template="it/1")
    assert judge(made, engine).code == ["shared_place"]
    made.add("ring", 9, cluster=0, card=9, ip="it/0", template="it/1")
    assert judge(made, engine).code == [None]


def test_private_templates_are_no_tool(engine: DuckDBEngine) -> None:
    made = crowd()
    found = one(engine, TOOL, made)
    assert found[0] == "shared_place"
    made = people()
    assert one(engine, TOOL | {"ip": 6}, made)[0] == "shared_place"


# The table of accounts


def test_without_a_table_no_organisation_is_known(engine: DuckDBEngine) -> None:
    made = people()
    made.add("it", cluster=0, **COMPANY)
    found = judge(made, engine, known=False)
    assert (found.code, found.reason, found.verified) == ([None], [None], None)


@pytest.mark.parametrize(
    "keep", [["account_id"], ["account_id", "organization_id"], ["account_id", "created_at"]]
)
def test_what_the_table_lacks_is_unknown(engine: DuckDBEngine, keep: list[str]) -> None:
    made = people()
    made.add("it", cluster=0, **COMPANY | {"days": np.full(40, 300.0)})
    found = judge(made, engine, accounts=made.accounts().select(keep))
    assert found.code == ["organization" if keep[1:] == ["organization_id"] else None]
    assert found.verified is not None
    assert found.verified.tolist() == [40 if "organization_id" in keep else 0]


def test_accounts_that_the_table_does_not_know_are_of_no_organisation(engine: DuckDBEngine) -> None:
    made = people()
    made.add("it", cluster=0, **COMPANY)
    table = made.accounts()
    strangers = pa.table({"account_id": ["nobody"], "organization_id": ["acme"]})
    known = table.filter(pa.array([not name.startswith("it000") for name in table["account_id"].to_pylist()]))
    found = judge(made, engine, accounts=pa.concat_tables([known, strangers], promote_options="default"))
    assert found.code == [None]
    assert found.reason == [
        "30 of 40 members belong to the verified organisation acme, but 10 do not",
    ]
    assert judge(made, engine, accounts=table.slice(0, 0)).code == [None]


def test_hostile_names_are_printed_and_cut(engine: DuckDBEngine) -> None:
    reason = one(engine, COMPANY | {"organization": "\x1b[2J" + "x" * 1000})[1]
    assert reason is not None
    assert "\x1b" not in reason
    assert len(reason) < 300


# All together


def everybody() -> Made:
    made = people()
    groups = [*MADE.values(), CELL, CLUB, {"size": 40, "card": "lone"}]
    for number, group in enumerate(groups):
        made.add(f"it{number}-", cluster=number, **group)
    return made


def scatter(made: Made, rng: np.random.Generator) -> Made:
    """The same in another order of rows and of accounts."""
    rows = [made.rows[row] for row in rng.permutation(len(made.rows)).tolist()]
    volume = {name: made.volume[name] for name in rng.permutation(list(made.volume)).tolist()}
    return Made(rows, volume, made.cluster, made.organization, made.day)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_explains_nothing(engine: DuckDBEngine, seed: int) -> None:
    made, rng = everybody(), np.random.default_rng(seed)
    found = judge(made, engine)
    assert [*found.code] == [*MADE, None, "shared_place", None]
    table = made.accounts()
    again = judge(scatter(made, rng), engine, accounts=table.take(rng.permutation(len(table))))
    assert (again.code, again.reason) == (found.code, found.reason)


@pytest.mark.parametrize("unit", [0.001, 1000.0])
def test_the_unit_of_volume_does_not_matter(engine: DuckDBEngine, unit: float) -> None:
    made = everybody()
    before = judge(made, engine)
    made.volume = {account: unit * volume for account, volume in made.volume.items()}
    assert judge(made, engine).code == before.code


def test_times_with_a_zone_are_times(engine: DuckDBEngine) -> None:
    made = everybody()
    table = made.accounts()
    zoned = table.set_column(1, "created_at", table["created_at"].cast(pa.timestamp("us", tz="UTC")))
    assert judge(made, engine, accounts=zoned).reason == judge(made, engine).reason


def test_reasons_are_put_together() -> None:
    assert join_reasons(None, None) is None
    assert join_reasons("a", None, "b") == "a; b"
