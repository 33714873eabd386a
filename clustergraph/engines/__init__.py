"""Engines: the databases that stages work with, what is asked of one, and how to write SQL for it."""
