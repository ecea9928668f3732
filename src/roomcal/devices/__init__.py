"""What plays and records, behind one small interface."""
