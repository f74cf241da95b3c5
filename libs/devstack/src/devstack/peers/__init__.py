"""Programs that benchmarks set Mingjian against; run by the Python of .venv-triton, not imported."""
