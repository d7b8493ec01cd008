"""Level 4: what others share: a mail server, and inspections that uploads must pass."""
