"""How much the traffic of accounts looks like extraction: measured parts, and points for each of them."""
