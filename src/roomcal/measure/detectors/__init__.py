"""One detector a file: what it looks at, its threshold with the origin, and what it says."""
