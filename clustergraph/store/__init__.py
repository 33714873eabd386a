"""What the nights leave behind: the incidence of each day, the ledgers, and the runs that were published."""
