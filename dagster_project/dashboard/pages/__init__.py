"""One module for each page: what it asks and in which order it shows it."""
