"""Membership: which accounts belong together, and how surely each of them does."""
