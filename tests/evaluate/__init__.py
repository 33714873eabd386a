"""Quality on worlds of known truth: ``python -m tests.evaluate``, which is ``make evaluate``.

Every run is a whole process of ``clustergraph run``, as a user would start it, on events on disk and with
``--accounts``. What it names is held against the truth that the world was written with.
"""
