"""HTTP and HTTPS: files by URL, for browsers and programs."""
