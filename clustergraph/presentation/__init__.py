"""Presentation: what is said of a run, and how it looks on a terminal."""
