"""Recall: the earlier messages that bear on the new ones are found, and shown word for word."""
