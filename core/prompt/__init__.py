"""What the model reads: the prompt's words, how a conversation is quoted, and files."""
