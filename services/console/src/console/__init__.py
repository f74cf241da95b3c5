"""Chinese web pages for supervisor, inspector, agent and administrator."""
