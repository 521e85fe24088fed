"""Splits a Markdown text into pieces that each read well. Pure."""
