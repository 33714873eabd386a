"""DuckDB as the embedded engine: out of core, in one scratch folder, nothing downloaded."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb
import pyarrow as pa

from clustergraph.engines.expressions import list_columns
from clustergraph.engines.sql import literal, quote
from clustergraph.errors import ClustergraphError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

# What DuckDB asks for per thread, and enough in trials; small inputs get by with less.
LEAST_MEMORY = "125MB"
RESTING_MEMORY = "200MB"
JSON_LINE_LIMIT = 16 * 1024 * 1024
SETTINGS = {
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# What DuckDB raises for expressions that do not fit the values of their columns.
WRITTEN_WRONG = (
    duckdb.BinderException, duckdb.CatalogException, duckdb.ConversionException, duckdb.InvalidInputException,
    duckdb.InvalidTypeException, duckdb.OutOfRangeException, duckdb.TypeMismatchException,
)  # fmt: skip
FULL_DISK = "max_temp_directory_size|No space left|File too large|could not (write|flush)"
# What reading Parquet says of text that is not UTF-8, with the text, which may be somebody's prompt.
NOT_UTF8 = re.compile(r': value ".*', re.DOTALL)
# What reading CSV says, several lines on, of a line that ends in another way than the first.
MIXED_LINES = re.compile(r"state machine reached an invalid state.*?\n *file = ([^\n]*)", re.DOTALL)
REJECTS = """
SELECT DISTINCT ON (s.file_path, e.line)
    s.file_path AS file, e.line::BIGINT AS line, e.error_type::VARCHAR AS reason,
    e.column_name AS "column", left(e.csv_line, 200) AS text
FROM {name}_errors e JOIN {name}_scans s USING (scan_id, file_id)
ORDER BY s.file_path, e.line, e.error_type::VARCHAR, e.column_name
"""
NO_REJECTS = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("column", pa.string()),
        ("text", pa.string()),
    ]
)


class DuckDBEngine:
    """An engine in a folder of its own inside `directory`.

    Args:
        directory: an existing folder with room for what does not fit in memory.
        threads: how many to run on; all processors if None.
        memory_limit: such as `"2GB"`; what goes over it spills to disk. DuckDB's own default if None.

    Raises:
        UsageError: a setting that DuckDB does not take, or, from any query, too low a memory limit.
        InputError: the folder cannot be written to.
    """

    def __init__(self, directory: str | Path, threads: int | None = None, memory_limit: str | None = None):
        try:
            self._home = Path(tempfile.mkdtemp(prefix="clustergraph-", dir=directory))
        except OSError as error:
            raise InputError(f"cannot write scratch files in {directory}: {error.strerror}") from error
        try:
            self._connection = duckdb.connect(
                str(self._home / "scratch.duckdb"), config=_config(self._home, threads, memory_limit)
            )
        except duckdb.Error as error:
            shutil.rmtree(self._home, ignore_errors=True)
            if re.search(FULL_DISK, str(error), re.IGNORECASE):
                raise _explain(error, self._home.parent) from error
            given = f"threads={threads}, memory_limit={memory_limit}"
            raise UsageError(f"{given}: {_first_line(error)}") from error
        self._memory_limit = memory_limit
        self._words: dict[str, str] = {}  # VIEW or TABLE, of every relation; nobody else makes any here
        self._connection.execute("SET python_enable_replacements = false")
        self._connection.execute("PRAGMA disable_checkpoint_on_shutdown")  # nothing of it is kept
        with contextlib.suppress(duckdb.Error):  # a notebook without ipywidgets has no bar, and says so
            self._connection.execute("SET enable_progress_bar = false")
        with contextlib.suppress(duckdb.Error):  # only builds with time zones know it; the others are in UTC
            self._connection.execute("SET TimeZone = 'UTC'")

    def scan(
        self,
        name: str,
        files: Sequence[str],
        *,
        file_format: str,
        columns: Sequence[str] = (),
        text: Sequence[str] = (),
        delimiter: str = ",",
        hive: bool = False,
        named: Mapping[str, str] | None = None,
        located: bool = False,
    ) -> None:
        """Name a lazy relation over files of one layout; see `Engine.scan`."""
        paths = "[" + ", ".join(literal(_escape(file)) for file in files) + "]"
        hives = f"hive_partitioning = {str(hive).lower()}, hive_types_autocast = false"
        file = 'filename AS "file", ' if located else ""
        given = "".join(f"{sql} AS {quote(column)}, " for column, sql in (named or {}).items())
        if (
            located and file_format != "parquet" and len(files) == 1
        ):  # a window without order reads in the file's order
            file += "row_number() OVER () AS row, "
        if file_format == "parquet":
            row = "file_row_number + 1 AS row, " if located else ""
            numbered = ", file_row_number = true, filename = true" if located else ""
            own = _all_but(("filename", "file_row_number") if located else (), named)
            sql = f"SELECT {file}{row}{given}{own} FROM read_parquet({paths}, {hives}{numbered})"
        elif file_format == "csv":
            types = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
            sql = (
                f"SELECT {file}{given}{_all_but(('filename',), named)} FROM read_csv({paths}, {hives},"
                " auto_detect = false, header = true,"
                f" delim = {literal(delimiter)}, quote = '\"', escape = '\"', columns = {{{types}}},"
                f" filename = true, store_rejects = true, rejects_limit = 0,"
                f" rejects_table = '{name}_errors', rejects_scan = '{name}_scans')"
            )
        else:
            sql = _json_sql(paths, hives, file, columns, text, named or {})
        self.view(name, sql)

    def rejects(self, name: str) -> pa.Table:
        """Give the lines that the last reading of a CSV relation left out."""
        known = self.fetch(
            f"SELECT table_name FROM duckdb_tables() WHERE table_name = {literal(name + '_errors')}"
        )
        return self.fetch(REJECTS.format(name=name)) if known.num_rows else NO_REJECTS.empty_table()

    def view(self, name: str, sql: str) -> None:
        """Name a query without running it."""
        self._make_way(name, "VIEW")
        self._run(f"CREATE OR REPLACE VIEW {quote(name)} AS {sql}")

    def create(self, name: str, sql: str) -> None:
        """Run a query and keep its rows on disk under a name."""
        self._make_way(name, "TABLE")
        self._run(f"CREATE OR REPLACE TABLE {quote(name)} AS {sql}")

    def fetch(self, sql: str) -> pa.Table:
        """Run a query and give its rows."""
        with self._mended():
            # Not execute(): where insertion order is not preserved its tables lose ORDER BY (DuckDB 2.0).
            return self._connection.sql(sql).to_arrow_table()

    def stream(self, sql: str, rows: int) -> Iterator[pa.RecordBatch]:
        """Run a query and give its rows bit by bit; see `Engine.stream`."""
        with self._mended(), self._connection.cursor() as cursor:
            yield from cursor.sql(sql).to_arrow_reader(rows)

    def load(self, name: str, table: pa.Table) -> None:
        """Keep a table's rows on disk under a name."""
        self._make_way(name, "TABLE")
        with self._mended():
            self._connection.register("loading", table)
            try:
                self._connection.execute(f"CREATE OR REPLACE TABLE {quote(name)} AS SELECT * FROM loading")
            finally:
                self._connection.unregister("loading")

    def drop(self, name: str) -> None:
        """Forget a relation, if there is one of that name."""
        self._make_way(name, "")

    def rest(self) -> None:
        """Give back the pages that are on disk as well: for a lower limit DuckDB lets go of them."""
        with contextlib.suppress(duckdb.Error):  # it keeps what it cannot do without
            self._connection.execute(f"SET memory_limit = '{RESTING_MEMORY}'")
        given = self._memory_limit
        self._run("RESET memory_limit" if given is None else f"SET memory_limit = {literal(given)}")

    def hash(self, column: str) -> str:
        """Give the SQL expression of a column's 64-bit hash."""
        return f"hash({column})"

    def list_columns(self, expression: str) -> tuple[tuple[str, ...], ...]:
        """Check an expression and list the columns that it names; see `Engine.list_columns`."""
        return list_columns(expression, self.fetch)

    def evaluate(self, sql: str, where: str) -> pa.Table:
        """Run a query with an expression that somebody wrote; see `Engine.evaluate`."""
        try:
            return self._connection.sql(sql).to_arrow_table()
        except WRITTEN_WRONG as error:
            if NOT_UTF8.search(str(error)):
                raise _explain(error, self._home.parent) from error
            raise UsageError(f"{where}: {_first_line(error)}") from error
        except duckdb.Error as error:
            raise _explain(error, self._home.parent) from error

    def close(self) -> None:
        """Let go of everything and remove the scratch files; may be called twice."""
        try:
            self._connection.close()
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_way(self, name: str, word: str) -> None:
        """Drop what has the name and is not what the word says, since DuckDB replaces like by like alone."""
        known = self._words.get(name.lower(), word)
        if known != word:
            self._run(f"DROP {known} IF EXISTS {quote(name)}")
        if word:
            self._words[name.lower()] = word
        else:
            self._words.pop(name.lower(), None)

    def _run(self, sql: str) -> None:
        with self._mended():
            self._connection.execute(sql)

    @contextlib.contextmanager
    def _mended(self) -> Iterator[None]:
        """Turn what a person can mend into an error that says how."""
        try:
            yield
        except duckdb.Error as error:
            raise _explain(error, self._home.parent) from error


def _config(home: Path, threads: int | None, memory_limit: str | None) -> dict[str, Any]:
    config: dict[str, Any] = SETTINGS | {"temp_directory": str(home / "spill")}
    if threads is not None:
        config["threads"] = threads
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    return config


def _all_but(columns: Sequence[str], named: Mapping[str, str] | None) -> str:
    """Write the columns of files that are given: all but some, and but those in whose place others are."""
    hidden = (*columns, *(named or {}))
    if not hidden:
        return "*"
    return f"COLUMNS(lambda name: name NOT IN ({', '.join(map(literal, hidden))}))"


def _json_sql(
    paths: str, hives: str, file: str, columns: Sequence[str], text: Sequence[str], named: Mapping[str, str]
) -> str:
    """Write the query of JSON lines: the keys as text, and the line's fault if it has one."""
    given = "".join(
        f", CASE WHEN readable THEN {sql} END AS {quote(column)}" for column, sql in named.items()
    )
    wanted = "{" + ", ".join(f'"{column}": "JSON"' for column in columns) + "}"
    values = "".join(f", (line.{quote(column)} ->> '$') AS {quote(column)}" for column in columns)
    wrong = "".join(
        f" WHEN json_type(line.{quote(column)}) NOT IN ('VARCHAR', 'NULL')"
        f" THEN {literal(column + ': not text in quotes')}"
        for column in text
    )
    return (
        f"SELECT {file}CASE WHEN NOT readable THEN 'line: not a JSON object in UTF-8'{wrong} END AS fault"
        f"{values}, * EXCLUDE (filename, readable, line)"
        f" FROM (SELECT * EXCLUDE (json), coalesce(json_type(json) = 'OBJECT', false) AS readable,"
        f" json_transform(CASE WHEN readable THEN json END, {literal(wanted)}) AS line{given}"
        f" FROM read_json_objects({paths}, {hives}, format = 'newline_delimited', ignore_errors = true,"
        f" filename = true, maximum_object_size = {JSON_LINE_LIMIT}))"
    )


def _explain(error: duckdb.Error, directory: Path) -> Exception:
    """Choose the error to raise in place of DuckDB's: disk, memory, input, or the one that it was."""
    line = _first_line(NOT_UTF8.sub(": a value is not valid UTF8", str(error)))
    if re.search(FULL_DISK, str(error), re.IGNORECASE):
        return InputError(
            f"no room left for scratch files in {directory}: make some, or name another folder ({line})"
        )
    mixed = MIXED_LINES.search(str(error))
    if mixed:
        return InputError(
            f"{mixed[1]}: lines end in different ways; expected \\n, or \\r\\n, throughout the file"
        )
    if re.search("bad allocation|Allocation failure", str(error)):
        return ClustergraphError(f"the system has no memory left: lower the memory limit ({line})")
    if isinstance(error, duckdb.OutOfMemoryException):
        return UsageError(
            f"the memory limit is too small: raise it, to at least {LEAST_MEMORY} per thread, "
            f"or use fewer threads ({line})"
        )
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException | duckdb.ConversionException):
        return InputError(f"the input cannot be read: {line}")
    return error


def _first_line(error: object) -> str:
    return str(error).split("\n", 1)[0]


def _escape(path: str) -> str:
    """Take the meaning from characters that DuckDB would read as wildcards."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)
