"""What the server keeps in `state/`, and how: whole files, records of accounts, what is open."""
