"""The job of every night: what is new, what lasts, and what must not be published."""
