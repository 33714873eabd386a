"""Sightings: which account was seen with which signal, read and checked from the files of the input.

Files are found and told apart by layout, their rows checked, and what is left becomes relations of an engine.
"""
