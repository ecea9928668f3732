"""The nouns: one frozen dataclass a file, no work in them."""
