"""Level 6: the composition root."""
