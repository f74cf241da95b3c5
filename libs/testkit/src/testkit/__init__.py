"""pytest fixtures: the real servers, a span recorder, eventually(). Real parts wherever they run."""
