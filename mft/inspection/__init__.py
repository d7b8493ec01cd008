"""Level 3: what a file must pass before anybody sees it, and where it goes that does not."""
