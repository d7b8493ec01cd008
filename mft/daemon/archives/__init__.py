"""An instance in one file: export and import, backup and restore."""
