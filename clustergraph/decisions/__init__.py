"""What people decided on clusters: the log, what was known on that day, and what of it still holds."""
