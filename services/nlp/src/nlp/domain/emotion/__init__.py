"""How the customer feels: words by a small model, the voice against its own usual, and the course over the contact."""
