"""One HTML file from plain values: nothing in it is loaded from elsewhere, and data in it is never code."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.resources.abc import Traversable

# In the order in which they build on each other.
SCRIPTS = (
    "elements", "words", "data", "csv", "table", "theme", "charts", "graph", "list", "cluster", "main",
)  # fmt: skip
_STATIC = "static"
# What could end or begin a script element, or a line of JavaScript, is written as its code.
_CODES = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}


def pack(page: Any) -> str:
    """Compress a page (zlib, base64): it is unpacked when it is opened."""
    return b64encode(zlib.compress(_dump(page).encode(), 9)).decode("ascii")


def embed(value: Any) -> Markup:
    """Write a value as JSON that can stand in a script element."""
    return Markup(_dump(value).translate(_CODES))


def render(title: str, overview: Any, pages: Sequence[str]) -> str:
    """Render the file.

    Args:
        title: of the document; any text.
        overview: what the list shows; plain values.
        pages: the packed page of each cluster of the list.
    """
    styles = [_read("report.css"), _read("vendor/cytoscape-container.css")]
    scripts = [
        '"use strict";\n(() => {\n'
        + "\n".join(_read(f"scripts/{name}.js") for name in SCRIPTS)
        + "\n})();\n",
        _read("vendor/cytoscape.min.js"),
        _vega(),
    ]
    environment = Environment(
        loader=PackageLoader("clustergraph.report", _STATIC),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2").render(
        title=title,
        policy=_policy(scripts, styles),
        styles=[_whole(one, "style") for one in styles],
        scripts=[_whole(one, "script") for one in scripts],
        overview=embed(overview),
        pages=[embed(page) for page in pages],
    )


def _policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Write a content security policy that allows what is in the file and nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types default",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"


def _whole(text: str, element: str) -> Markup:
    """Take text of the program's own as the content of an element that it does not end."""
    if f"</{element}" in text.lower() or "<!--" in text or "\r" in text:
        raise ValueError(f"it cannot stand in a {element} element")
    return Markup(text)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_say_time)


def _say_time(value: Any) -> str:
    said: str = value.isoformat()
    return said.replace("+00:00", "Z")


@cache
def _vega() -> str:
    """Give Vega, Vega-Lite and Vega-Embed, as vl-convert carries them."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"(() => {{\n{bundle}\n}})();\n"


@cache
def _read(name: str) -> str:
    return _static().joinpath(name).read_text(encoding="utf-8")


def _static() -> Traversable:
    return files("clustergraph.report") / _STATIC
