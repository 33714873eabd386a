"""Speed, memory and quality at full size: ``python -m tests.bench``, which is ``make bench``.

Every number of the README comes from here. Ratios are of processes run in turn, in one run, on one machine.
"""
