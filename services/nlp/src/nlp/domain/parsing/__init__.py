"""Reads the operators of the rule language, kind by kind."""
