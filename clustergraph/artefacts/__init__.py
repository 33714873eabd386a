"""Artefacts: the tables of a run, their schema, the folder that holds them, and how it is opened again."""
