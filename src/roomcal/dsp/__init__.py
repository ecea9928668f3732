"""The mathematics over plain arrays: no files, no clock, no nouns."""
