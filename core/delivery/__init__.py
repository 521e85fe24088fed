"""Getting an answer onto a platform: the port, posts that stand once, previews, splitting."""
