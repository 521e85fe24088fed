"""Delivers answers to a platform: the port, exactly-once posts, previews, splitting."""
