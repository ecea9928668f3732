"""From responses and a target to a filter bank, with every intermediate curve."""
