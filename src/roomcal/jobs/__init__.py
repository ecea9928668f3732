"""What a user asks for, whole; knows no terminal."""
