"""What the edge decides: who may do what, what of it is narrowed to one agent, what is written down."""
