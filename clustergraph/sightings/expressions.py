"""Choose the expressions that signals are derived by, and check the columns that they name.

An expression sees a row of events that was checked and counted once: the columns of the input by their
names, and as `accounts.NAME` those of the table of accounts. A plain name that the row lacks is looked up in
the table of accounts. Texts are null rather than empty; `timestamp`, `created_at`, `banned_at` and
`ingested_at` are times in UTC, counts whole numbers, all else is text. Raw prompts are not to be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clustergraph.config import suggest
from clustergraph.errors import UsageError
from clustergraph.sightings.derived import DEFAULT_EXPRESSIONS, DERIVED_SIGNALS
from clustergraph.sightings.layouts import PROMPT
from clustergraph.sightings.side_tables import ACCOUNT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from clustergraph.engines.interface import Engine
    from clustergraph.sightings.layouts import Shape

ACCOUNTS = "accounts"
_OF_ACCOUNTS = f"{ACCOUNTS}."
# What every row has.
_ALWAYS = ("account_id", "timestamp", "exchanges", "input_tokens", "output_tokens")


@dataclass(frozen=True)
class Expression:
    """How the values of a kind are made.

    Attributes:
        kind: of signals.
        sql: the expression.
        columns: that it names; those of the table of accounts alone as `accounts.NAME`.
        needs: groups of columns, one of each of which has to exist; None where all of ``columns`` have to.
    """

    kind: str
    sql: str
    columns: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...] | None = None

    @property
    def plain(self) -> tuple[str, ...]:
        """The columns that a row of events may have."""
        return tuple(name for name in self.columns if not name.startswith(_OF_ACCOUNTS))

    @property
    def of_accounts(self) -> tuple[str, ...]:
        """The columns that it asks of the table of accounts alone, without the prefix."""
        return tuple(name.removeprefix(_OF_ACCOUNTS) for name in self.columns if name not in self.plain)

    def holds_for(self, present: Collection[str], accounts: Collection[str]) -> bool:
        """Tell whether an input has what it needs.

        Args:
            present: columns of events.
            accounts: columns of the table of accounts.
        """
        known = {*_ALWAYS, *present, *accounts, *(_OF_ACCOUNTS + name for name in accounts)}
        groups = tuple((name,) for name in self.columns) if self.needs is None else self.needs
        return all(known & set(group) for group in groups)


@dataclass(frozen=True)
class Derivation:
    """What signals are derived by.

    Attributes:
        expressions: of their values.
        accounts: columns of the table of accounts, which is the relation `account_facts` if there are any.
    """

    expressions: Sequence[Expression] = ()
    accounts: Collection[str] = ()


def parse_expressions(derive: Mapping[str, str], engine: Engine) -> list[Expression]:
    """Give the expressions that are on: those of the configuration, and the default ones.

    Args:
        derive: kind -> expression, over the default ones; an empty one turns a kind off.
        engine: that parses them.

    Raises:
        UsageError: one that is no expression over the columns of a row, or names raw prompts.
    """
    merged = DEFAULT_EXPRESSIONS | dict(derive)
    defaults = {one.kind: one for one in DERIVED_SIGNALS}
    found = []
    for kind, sql in sorted(merged.items()):
        if not sql.strip():
            continue
        if sql == DEFAULT_EXPRESSIONS.get(kind):
            found.append(Expression(kind, sql, defaults[kind].names, defaults[kind].needs))
        else:
            found.append(Expression(kind, sql, _list_columns(kind, sql, engine)))
    return found


def choose_expressions(
    expressions: Iterable[Expression],
    signals: Mapping[str, str],
    *,
    shape: Shape,
    present: Collection[str],
    may_have: Collection[str],
    accounts: Collection[str] | None,
) -> list[Expression]:
    """Leave out the default ones that lack columns, or whose kind a column of signals gives already.

    Args:
        expressions: that are on.
        signals: column -> kind, of events.
        shape: of the input.
        present: columns that its files are seen to have.
        may_have: those, and keys that later lines of JSON may have.
        accounts: columns of the table of accounts, None where there is no table.

    Raises:
        UsageError: the configuration's own expressions name a column that is not there, give a kind that a
            column of signals gives as well, or are for sightings.
    """
    if shape == "sightings":
        own = [one.kind for one in expressions if one.needs is None]
        if own:
            raise UsageError(
                f"[derive] {own[0]}: signals are derived from events, and the input is of sightings"
            )
        return []
    chosen = []
    for one in expressions:
        column = next((name for name in sorted(signals) if signals[name] == one.kind), None)
        if one.needs is None:
            if column is not None:
                raise UsageError(
                    f"[derive] {one.kind}: the column {column!r} gives this kind already; choose another name"
                )
            _check_columns(one, present, accounts)
        elif column is not None or not one.holds_for(may_have, accounts or ()):
            continue
        chosen.append(one)
    return chosen


def _list_columns(kind: str, sql: str, engine: Engine) -> tuple[str, ...]:
    try:
        found = engine.list_columns(sql)
    except UsageError as error:
        raise UsageError(f"[derive] {kind}: {error}") from None
    if not found:
        raise UsageError(f"[derive] {kind}: names no column; expected an expression over columns of events")
    for parts in found:
        if parts[0].lower() == PROMPT:
            raise UsageError(
                f"[derive] {kind}: names {PROMPT!r}, and no value is ever made of raw prompts; templates that"
                " are found in them are in 'prompt_template'"
            )
        if len(parts) > 2 or (len(parts) == 2 and parts[0] != ACCOUNTS):
            raise UsageError(
                f"[derive] {kind}: {'.'.join(parts)} is no column; write the name of one, in double quotes if"
                f" it has a dot, or {ACCOUNTS}.NAME"
            )
    return tuple(".".join(parts) if parts[0] == ACCOUNTS else parts[0] for parts in found)


def _check_columns(one: Expression, present: Collection[str], accounts: Collection[str] | None) -> None:
    for name in one.plain:
        if name in present or name in _ALWAYS or (accounts is not None and name in accounts):
            continue
        known = sorted({*present, *_ALWAYS, *(accounts or ())} - {PROMPT})
        hint = suggest(name, known)
        if not hint and accounts is None and name in ACCOUNT_COLUMNS:
            hint = "; a table of accounts (--accounts) has it"
        raise UsageError(
            f"[derive] {one.kind}: no column {name!r}{hint or '; there are ' + ', '.join(known)}"
        )
    for name in one.of_accounts:
        if accounts is None:
            raise UsageError(f"[derive] {one.kind}: names {ACCOUNTS}.{name}, but no --accounts is given")
        if name not in accounts:
            hint = suggest(name, accounts) or f"; there are {', '.join(sorted(accounts))}"
            raise UsageError(f"[derive] {one.kind}: the table of accounts has no column {name!r}{hint}")


def list_wanted(expressions: Sequence[Expression], present: Collection[str]) -> tuple[str, ...]:
    """List the columns of events that expressions need."""
    names = {name for one in expressions for name in one.plain}
    return tuple(sorted((names & set(present)) - set(_ALWAYS)))
