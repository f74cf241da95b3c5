"""What a figure is and how figures add up: no I/O, no clock, no wire types."""
