"""Scores transcripts against scorecards, with evidence."""
