"""Exports of conversations, as Markdown to read and as JSON to keep, and the way back in."""
