"""The report of a run: one HTML file that works offline, for a reader who has no Python."""
