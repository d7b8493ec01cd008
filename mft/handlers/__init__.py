"""Level 5: what reacts to events."""
