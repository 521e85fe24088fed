"""Commands beside the conversation: show the memory, export, forget, reset, statistics."""
