"""Signals from how accounts behave over time, made from what was folded of it, for linking."""
