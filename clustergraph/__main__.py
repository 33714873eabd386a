"""``python -m clustergraph`` is ``clustergraph``."""

from clustergraph.cli import main

if __name__ == "__main__":
    main()
