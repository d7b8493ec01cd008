"""Level 1: the machinery of options; knows no component."""
