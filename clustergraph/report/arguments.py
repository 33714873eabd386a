"""What speaks against one operation, and what against an explanation or a clearance.

Each argument gives a sentence where it holds, None where it does not. They stand in the
order of their weight, from those that alone may clear all members to those that only ask for care.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustergraph.figures import say_plural, say_share
from clustergraph.investigation.phrases import say_division
from clustergraph.report.case import UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from clustergraph.report.case import Case

    Argument: TypeAlias = Callable[[Case], str | None]

CHANCE = 0.05  # false-discovery rate above which chance is not ruled out
_HALF = 0.5
_MOST_OF_THE_EVIDENCE = 0.8
_MANY_UNCERTAIN = 0.1
_MOST_OF_THE_VOLUME = 0.9
_HOUSEHOLD = 5
_FRESH = 0.25


def argue(case: Case, arguments: Iterable[Argument]) -> tuple[str, ...]:
    """Give the sentences of the arguments that hold, in their order."""
    return tuple(words for words in (argument(case) for argument in arguments) if words)


def end_sentence(words: str) -> str:
    """Put a full stop where there is none.

    >>> end_sentence("all is well"), end_sentence("Is it?")
    ('all is well.', 'Is it?')
    """
    return words if words.endswith((".", "!", "?")) else f"{words}."


# --- what speaks against one operation, gravely ---


def _once_cleared(case: Case) -> str | None:
    ruling = case.ruling
    if ruling is None or ruling.decision != "cleared" or ruling.holds:
        return None
    cleared = f"{ruling.decided_by} cleared it on {ruling.night} ({_bare(ruling.reason)})"
    return f"{cleared}; since then: {end_sentence(ruling.note or 'it has changed')}"


def _bare(words: str) -> str:
    return words.rstrip(". ")


def _resembles(case: Case) -> str | None:
    """Say what the run has to say before anybody acts: a refused explanation, hubs, an organisation."""
    if not case.reason:
        return None
    return end_sentence(case.reason[:1].upper() + case.reason[1:])


def _verified(case: Case) -> str | None:
    if case.verified_accounts is None or case.verified_accounts < _HALF * case.accounts:
        return None
    return f"{case.verified_accounts:,} of {case.accounts:,} members belong to verified organisations."


def _chance(case: Case) -> str | None:
    if case.q_value is None or case.q_value <= CHANCE:
        return None
    return (
        "Chance alone may have made it: without any coordination, "
        f"{say_share(min(case.q_value, 1.0))} of the clusters at least this strong are to be expected."
    )


def _one_family(case: Case) -> str | None:
    if len(case.families) != 1 or len(case.observable) < 2:
        return None
    return (
        f"All its evidence is of one family ({case.families[0]}): one card, gateway or tool that is shared "
        "innocently would explain it."
    )


def _popular(case: Case) -> str | None:
    """Most holders of each of the strongest signals are not in the cluster."""
    if not case.strongest or any(one.accounts >= _HALF * one.accounts_everywhere for one in case.strongest):
        return None
    first = case.strongest[0]
    return (
        f"Most holders of its strongest signals are not in it: of the {first.accounts_everywhere:,} with its "
        f"strongest {first.kind} only {first.accounts:,} are members."
    )


def _hubs(case: Case) -> str | None:
    if case.known_hub_share <= _HALF:
        return None
    return f"{say_share(case.known_hub_share)} of what its members share is known public infrastructure."


def _mostly_uncertain(case: Case) -> str | None:
    return _say_uncertain(case) if case.uncertain >= _HALF * case.accounts else None


# --- what asks for care ---


def _one_signal(case: Case) -> str | None:
    if not case.strongest or case.strongest[0].share < _MOST_OF_THE_EVIDENCE:
        return None
    first = case.strongest[0]
    return f"One {first.kind} carries {say_share(first.share)} of its evidence: without it little is left."


def _some_verified(case: Case) -> str | None:
    count = case.verified_accounts or 0
    if not 0 < count < _HALF * case.accounts:
        return None
    return f"{count:,} of {case.accounts:,} members {_belong(count)} to verified organisations."


def _belong(count: int) -> str:
    return "belongs" if count == 1 else "belong"


def _some_uncertain(case: Case) -> str | None:
    if not _MANY_UNCERTAIN * case.accounts <= case.uncertain < _HALF * case.accounts or not case.uncertain:
        return None
    return _say_uncertain(case)


def _say_uncertain(case: Case) -> str:
    return (
        f"{case.uncertain:,} of {case.accounts:,} members are uncertain (confidence below "
        f"{say_share(UNCERTAIN)}): decide on them one by one."
    )


def _missing(case: Case) -> str | None:
    absent = [one for one in case.observable if one not in case.families]
    if not absent or len(case.families) < 2:
        return None
    return f"Its members share no {' and no '.join(absent)} signals, which this input has."


def _small(case: Case) -> str | None:
    if case.accounts > _HOUSEHOLD:
        return None
    return f"{case.accounts:,} accounts are no more than a household or a few colleagues have."


def _one_account(case: Case) -> str | None:
    if case.largest < _MOST_OF_THE_VOLUME:
        return None
    return f"One account makes {say_share(case.largest)} of the volume: the others hardly matter to it."


def _nothing_against(_: Case) -> str:
    return "Nothing in these tables, which do not say who owns the accounts or what they asked."


# --- what speaks against an explanation or a clearance ---


def _some_banned(case: Case) -> str | None:
    if not case.banned:
        return None
    verb = "is" if case.banned == 1 else "are"
    return f"{case.banned:,} of {case.accounts:,} members {verb} banned."


def divided(case: Case) -> str | None:
    """Say that the members have divided a data set: a mark of an operation, beside the evidence."""
    said = say_division(case.accounts, case.coverage_p_value, case.coverage_overlap)
    return said and end_sentence(said[:1].upper() + said[1:])


def _came_after_ban(case: Case) -> str | None:
    if not case.regrowth:
        return None
    return f"{say_plural(case.regrowth, 'account')} came after members were banned."


def _outsiders(case: Case) -> str | None:
    outside = case.accounts - (case.verified_accounts or 0)
    if case.explained_by != "organization" or not outside:
        return None
    return f"{outside:,} of {case.accounts:,} members {_belong(outside)} to no verified organisation."


def _many_fresh(case: Case) -> str | None:
    if case.accounts <= _HOUSEHOLD or (case.fresh or 0) < _FRESH * case.accounts:
        return None
    return f"{case.fresh:,} of {case.accounts:,} members were first seen on the last day."


def _only_likeness(case: Case) -> str:
    if case.explained_by is None:
        return "A clearance holds for the members and signals of its day."
    return (
        "An explanation says what it looks like, not what it is; neither volume nor growth is out of line "
        "with it."
    )


GRAVE: tuple[Argument, ...] = (
    _once_cleared, _resembles, _verified, _chance, _one_family, _popular, _hubs, _mostly_uncertain,
)  # fmt: skip
LESSER: tuple[Argument, ...] = (
    _one_signal, _some_verified, _some_uncertain, _missing, _small, _one_account,
)  # fmt: skip
NO_DOUBT: tuple[Argument, ...] = (_nothing_against,)
SUSPICIONS: tuple[Argument, ...] = (
    _some_banned, _came_after_ban, divided, _outsiders, _many_fresh,
)  # fmt: skip
NO_SUSPICION: tuple[Argument, ...] = (_only_likeness,)
