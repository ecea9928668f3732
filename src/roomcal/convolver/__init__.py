"""Partitioned convolution: streaming, knows no sound card and no file."""
