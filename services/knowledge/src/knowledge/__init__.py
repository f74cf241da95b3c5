"""Finds the reviewed answer."""
