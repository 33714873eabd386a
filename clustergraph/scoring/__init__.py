"""The scorecard: how well the clusters of a run agree with groups that are known.

- :mod:`~clustergraph.scoring.labels` reads the tables that say what is known, and
  :mod:`~clustergraph.scoring.truth` is what they say;
- :mod:`~clustergraph.scoring.overlaps` counts what groups and clusters have in common;
- :mod:`~clustergraph.scoring.matching` finds each group's best cluster;
- :mod:`~clustergraph.scoring.agreement` has B-cubed and pairwise figures;
- :mod:`~clustergraph.scoring.listing` says who stands in the first ranks;
- :mod:`~clustergraph.scoring.nights` says what went by before a group stood there;
- :mod:`~clustergraph.scoring.comparison` puts all of it together in a
  :mod:`~clustergraph.scoring.scorecard`, and :mod:`~clustergraph.scoring.display` lays it out.
"""
