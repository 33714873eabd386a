"""Upkeep: what a store's nights say together, whether they are whole, and how old ones go."""
