"""Loads all of clustergraph, and what it loads late."""

from importlib import import_module
from pkgutil import walk_packages

import igraph
import pandas

import clustergraph

LATE = (igraph, pandas)
for module in walk_packages(clustergraph.__path__, "clustergraph."):
    if not module.name.endswith("__main__"):
        import_module(module.name)
