"""What a transcript is and how speech becomes turns: no I/O, no clock, no wire types."""
