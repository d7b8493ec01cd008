"""Other people's servers, as file systems."""
