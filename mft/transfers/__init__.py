"""Level 5: flows of files between two trees, and when they run."""
