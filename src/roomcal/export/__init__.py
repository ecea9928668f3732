"""Filter banks for other programs: one file per format, its writer and its strict reader."""
