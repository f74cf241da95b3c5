"""Finds all phrases of all rules at once: as written, in an order within a distance, and by their sound."""
