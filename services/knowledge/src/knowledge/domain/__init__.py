"""What knowledge is and how the right entry is found: no I/O, no clock, no wire types."""
