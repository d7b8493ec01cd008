"""Level 4: a logged-in peer, the one door to files."""
