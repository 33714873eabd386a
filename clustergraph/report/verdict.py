"""What an analyst should make of a cluster: a verdict in one sentence, and what speaks against it.

A cluster is called one operation only where no grave argument speaks against that. The arguments are in the
order of their weight, from those that alone may clear all members to those that only ask for care; the first
that holds is the strongest. The figures are those of the artefacts: a verdict adds no evidence of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from clustergraph.figures import say_plural
from clustergraph.report.arguments import (
    GRAVE,
    LESSER,
    NO_DOUBT,
    NO_SUSPICION,
    SUSPICIONS,
    argue,
    divided,
    end_sentence,
)

if TYPE_CHECKING:
    from clustergraph.report.arguments import Argument
    from clustergraph.report.case import Case

Code = Literal["confirmed", "likely", "unclear", "explained", "cleared"]


@dataclass(frozen=True)
class Verdict:
    """What to make of a cluster.

    Attributes:
        code: ``confirmed`` and ``cleared`` are what people decided; ``likely`` is one operation with no grave
            argument against it, ``unclear`` one with such an argument, ``explained`` legitimate sharing.
        sentence: the verdict.
        against: what speaks against it, strongest first; never empty.
    """

    code: Code
    sentence: str
    against: tuple[str, ...]


def judge(case: Case) -> Verdict:
    """Give the verdict on a cluster and the arguments against it."""
    ruling = case.ruling
    if ruling is not None and ruling.holds and ruling.decision in {"confirmed", "cleared"}:
        who = f"{ruling.decision.capitalize()} by {ruling.decided_by} on {ruling.night}"
        said = f"{who}: {end_sentence(ruling.reason)}"
        if ruling.decision == "confirmed":
            return Verdict("confirmed", said, _weigh(case, GRAVE + LESSER, NO_DOUBT))
        return Verdict("cleared", said, _weigh(case, SUSPICIONS, NO_SUSPICION))
    if case.explained_by is not None:
        said = f"Probably legitimate: {end_sentence(case.reason or _name(case.explained_by))}"
        return Verdict("explained", said, _weigh(case, SUSPICIONS, NO_SUSPICION))
    who = say_plural(case.accounts, "account")
    against = _weigh(case, GRAVE + LESSER, NO_DOUBT)
    mark = divided(case)
    more = f" {mark}" if mark else ""
    if argue(case, GRAVE):
        said = f"Not clear: {who} share more than most, but a grave argument speaks against one operation."
        return Verdict("unclear", said + more, against)
    said = (
        f"Looks like one operation: {who} share far more than chance gives, and no legitimate sharing "
        "that is known explains it."
    )
    return Verdict("likely", said + more, against)


def _name(code: str) -> str:
    return code.replace("_", " ")


def _weigh(case: Case, arguments: tuple[Argument, ...], otherwise: tuple[Argument, ...]) -> tuple[str, ...]:
    """Give what holds, or what is always true where nothing else does."""
    return argue(case, arguments) or argue(case, otherwise)
