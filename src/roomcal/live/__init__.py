"""The running engine: everything that happens between a sound card and a bank of filters."""
