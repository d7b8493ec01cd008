"""Level 0: words and values that every room shares."""
