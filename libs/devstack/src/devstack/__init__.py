"""The whole platform as processes on one machine: `mingjian` demo, up, bench."""
