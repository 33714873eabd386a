"""Communities: how clusters are found among pairs of accounts, and what their members must have to stay.

Projection looks for them in shuffled data, to set its thresholds; membership looks for them in the ties.
"""
