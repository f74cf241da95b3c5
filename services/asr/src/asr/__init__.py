"""Turns audio into transcripts through Triton."""
