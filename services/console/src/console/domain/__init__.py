"""What the pages decide without asking anybody: words, marks in a transcript, charts, and what an event changes."""
