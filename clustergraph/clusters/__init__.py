"""Clusters in the order in which a person should look at them, with the tables that say why."""
