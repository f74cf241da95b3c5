"""Opens tickets and follows them until they are closed."""
