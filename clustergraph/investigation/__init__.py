"""What an investigator asks of a run: why these accounts, what holds them, and why not that one."""
