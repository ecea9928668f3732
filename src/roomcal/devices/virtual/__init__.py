"""A studio made of numbers: rooms, speakers and converters whose truth is known exactly."""
