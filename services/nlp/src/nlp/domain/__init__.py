"""What a contact is and how it is judged: pure decisions, no I/O, no clock, no wire types."""
