"""What is removed beyond one thread: a person, a channel, a workspace or server."""
