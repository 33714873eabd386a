"""Find an account or a signal in a run, and say what there is to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clustergraph.errors import UsageError
from clustergraph.figures import printable
from clustergraph.investigation.account import AccountExplanation, explain_account
from clustergraph.investigation.lookup import match_signals, say_near, suggest
from clustergraph.investigation.notebook import found_html
from clustergraph.investigation.signal import SignalExplanation, explain_signal
from clustergraph.investigation.world import open_world

if TYPE_CHECKING:
    from clustergraph.artefacts.runs import Run


@dataclass(frozen=True)
class Found:
    """What a text names.

    Attributes:
        text: that was looked for.
        account: the account of that id, None if there is none.
        signals: the shared signals of that name, several if their kinds differ.
    """

    text: str
    account: AccountExplanation | None
    signals: tuple[SignalExplanation, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {
            "text": self.text,
            "account": self.account.to_dict() if self.account else None,
            "signals": [one.to_dict() for one in self.signals],
        }

    def _repr_html_(self) -> str:
        return found_html(self)


def find(run: Run, text: str) -> Found:
    """Find an account or a signal, clustered or not, and say where it is and why.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives.
        text: an account id, ``kind=value``, or the value of a signal.

    Returns:
        The account and every signal that the text names: a value may be of several kinds.

    Raises:
        UsageError: there is none; the message names what is near. A signal that one account alone has is not
            in a run.
    """
    world = open_world(run)
    account = explain_account(run, text) if world.number(text) >= 0 else None
    signals = tuple(explain_signal(world, int(one)) for one in match_signals(world, text))
    if account is None and not signals:
        wanted = text.partition("=")[2] if text.partition("=")[0] in world.kinds else text
        near = [*suggest(text, world.account_id), *suggest(wanted, world.values)]
        raise UsageError(
            f"there is no account {printable(text, 80)!r} in this run, and no signal that two accounts "
            f"share{say_near(near)}"
        )
    return Found(text, account, signals)
