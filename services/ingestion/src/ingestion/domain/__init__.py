"""What an interaction is and what is decided about it: no I/O, no clock, no wire types."""
