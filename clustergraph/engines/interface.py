"""What a stage asks of a database: a few verbs, and plain SQL between them.

Stages name relations, write SQL over the names and take Arrow tables home. An engine keeps the
relations out of core and cleans up after itself. DuckDB is the engine that ships; another one, such as
Spark, needs these verbs and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    import pyarrow as pa


class Engine(Protocol):
    """The verbs of an engine; a context manager that leaves nothing on disk when it is closed."""

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
        """Name a lazy relation over files of one layout.

        Args:
            name: of the relation.
            files: paths that exist; an engine takes them literally, wildcards included.
            file_format: `parquet` (columns with the types of the files), `csv` (all columns are text) or
                `json` (lines; the columns asked for, as text, and `fault`: what is wrong with the line).
                Text may be compressed with gzip or zstd, by the ending of its name.
            columns: for CSV every column of the header in order, for JSON the keys wanted.
            text: for JSON, the columns whose values have to be strings.
            delimiter: of CSV.
            hive: take `key=value` folders of the paths as text columns.
            named: further columns -> SQL over those of the files, or over `json`, the line; they take the
                place of columns of their names.
            located: add `file` (the path) and, for Parquet, `row` (from 1) to the columns.
        """

    def rejects(self, name: str) -> pa.Table:
        """Give the lines that the last reading of a CSV relation left out: file, line, reason, text."""

    def view(self, name: str, sql: str) -> None:
        """Name a query without running it."""

    def create(self, name: str, sql: str) -> None:
        """Run a query and keep its rows on disk under a name."""

    def fetch(self, sql: str) -> pa.Table:
        """Run a query and give its rows."""

    def stream(self, sql: str, rows: int) -> Iterator[pa.RecordBatch]:
        """Run a query and give its rows bit by bit, in any order; other queries may run meanwhile.

        Args:
            sql: the query.
            rows: of a batch, at most.
        """

    def load(self, name: str, table: pa.Table) -> None:
        """Keep a table's rows on disk under a name."""

    def drop(self, name: str) -> None:
        """Forget a relation, if there is one of that name."""

    def rest(self) -> None:
        """Give back what memory can be spared until the next query."""

    def hash(self, column: str) -> str:
        """Give the SQL expression of a column's 64-bit hash, an unsigned integer."""

    def list_columns(self, expression: str) -> tuple[tuple[str, ...], ...]:
        """Check that an expression gives one value per row from its columns alone, and list the columns.

        Returns:
            Each name once, in order, as the parts that dots separate.

        Raises:
            UsageError: it has an aggregate, a subquery, a table function, a function whose value changes from
                call to call, or is no expression at all.
        """

    def evaluate(self, sql: str, where: str) -> pa.Table:
        """Run a query with an expression that somebody wrote and give its rows.

        Args:
            sql: the query.
            where: the expression stands, for the message of an error.

        Raises:
            UsageError: the expression does not fit the columns' types or values.
        """

    def close(self) -> None:
        """Let go of everything and remove the files that the engine made."""

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
