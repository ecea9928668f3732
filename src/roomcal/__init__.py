"""roomcal: measure a studio, design correction filters, and prove that they keep their promise."""

__version__ = "0.1.0"
