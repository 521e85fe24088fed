"""The platforms, and the `chatbot` command that puts everything together."""
