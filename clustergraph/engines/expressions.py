"""Check SQL expressions by DuckDB's own syntax tree: one value per row, from the row's columns alone."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from clustergraph.engines.sql import literal
from clustergraph.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

# What may stand in an expression; everything else is named when it is refused.
ALLOWED = frozenset(
    {
        "ARRAY", "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT",
        "FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "TYPE",
    }
)  # fmt: skip
REFUSED = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "a star",
    "PARAMETER": "a parameter",
}
ONE_VALUE = "expected one expression over the columns of a row"
_FUNCTIONS = """
SELECT function_name AS name, function_type AS type, stability, len(parameters) AS parameters,
       varargs IS NOT NULL AS open, macro_definition AS macro
FROM duckdb_functions()
"""


def list_columns(expression: str, fetch: Callable[[str], pa.Table]) -> tuple[tuple[str, ...], ...]:
    """List the columns that an expression names.

    Args:
        expression: of SQL.
        fetch: runs a query.

    Returns:
        Each name once, in order, as the parts that dots separate.

    Raises:
        UsageError: it is no expression of one value per row: an aggregate, a subquery, a table function, a
            function whose value changes from call to call, or no SQL at all.
    """
    tree = _parse(expression, fetch)
    _check_functions(tree, fetch, _list_functions(fetch))
    return tuple(sorted(set(_references(tree, frozenset()))))


def _parse(expression: str, fetch: Callable[[str], pa.Table]) -> Any:
    """Give the tree of the one item of a SELECT without FROM."""
    # The line ends keep a comment from swallowing the bracket.
    said = fetch(f"SELECT json_serialize_sql({literal(f'SELECT ({chr(10)}{expression}{chr(10)})')}) AS tree")
    found = json.loads(said["tree"][0].as_py())
    if found["error"]:
        raise UsageError(f"{found['error_message']}; {ONE_VALUE}")
    node = found["statements"][0]["node"]
    items = node.get("select_list", [])
    clauses = ("where_clause", "having", "qualify", "sample", "group_expressions", "modifiers")
    plain = len(found["statements"]) == 1 and len(items) == 1 and node["from_table"]["type"] == "EMPTY"
    if not plain or any(node.get(clause) for clause in clauses):
        raise UsageError(ONE_VALUE)
    for part in _walk(items[0]):
        if part["class"] not in ALLOWED:
            word = REFUSED.get(part["class"], part["class"].lower().replace("_", " "))
            raise UsageError(f"{word} is not allowed; {ONE_VALUE}")
    return items[0]


def _walk(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Give the nodes of a tree, parents first."""
    if isinstance(tree, list):
        for one in tree:
            yield from _walk(one)
    elif isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for one in tree.values():
            yield from _walk(one)


def _references(tree: Any, bound: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Give the columns that are named, but for the parameters of lambdas."""
    if isinstance(tree, list):
        for one in tree:
            yield from _references(one, bound)
    elif isinstance(tree, dict):
        if tree.get("class") == "COLUMN_REF":
            names = tuple(tree["column_names"])
            if names[0] not in bound:
                yield names
        elif tree.get("class") == "LAMBDA" and tree["syntax_type"] == "LAMBDA_KEYWORD":
            own = {name for part in _references(tree["lhs"], frozenset()) for name in part}
            yield from _references(tree["expr"], bound | own)
        else:
            for one in tree.values():
                yield from _references(one, bound)


def _list_functions(fetch: Callable[[str], pa.Table]) -> dict[str, list[dict[str, Any]]]:
    """Give name -> what DuckDB says of each function of that name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in fetch(_FUNCTIONS).to_pylist():
        found.setdefault(row["name"], []).append(row)
    return found


def _check_functions(
    tree: Any, fetch: Callable[[str], pa.Table], functions: Mapping[str, list[dict[str, Any]]]
) -> None:
    """Check that every function, those in macros included, gives one value per row, and always the same."""
    for part in _walk(tree):
        if part["class"] != "FUNCTION":
            continue
        name, arguments = part["function_name"].lower(), len(part["arguments"])
        if name == "age" and arguments == 1:  # counts from today, whatever the catalogue says
            raise UsageError(f"{name}() of one time does not depend on the row alone; {ONE_VALUE}")
        known = functions.get(name, [])
        fitting = [one for one in known if one["open"] or one["parameters"] == arguments] or known
        if not known:
            near = difflib.get_close_matches(name, functions, n=1)
            raise UsageError(f"there is no function {name}" + (f"; did you mean {near[0]}?" if near else ""))
        kinds = {one["type"] for one in fitting}
        if not kinds & {"scalar", "macro"}:
            kind = min(kinds).replace("_", " ")
            word = "an aggregate" if "aggregate" in kinds else f"a {kind} function"
            raise UsageError(f"{name}() is {word}; {ONE_VALUE}")
        if not any(one["type"] == "macro" or one["stability"] == "CONSISTENT" for one in fitting):
            raise UsageError(f"{name}() does not depend on the row alone; {ONE_VALUE}")
        for macro in {one["macro"] for one in fitting if one["type"] == "macro"}:
            _check_functions(_parse(macro, fetch), fetch, functions)
