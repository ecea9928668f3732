"""What a response says about the room: one file per question."""
