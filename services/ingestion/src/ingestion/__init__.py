"""Receives calls and chats and keeps their audio."""
