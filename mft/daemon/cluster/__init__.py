"""What the nodes of one cluster know and do together."""
