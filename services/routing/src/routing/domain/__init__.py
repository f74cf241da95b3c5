"""What a ticket is, when one is called for, where it goes and when it is due: no I/O, no clock, no wire types."""
