"""What people can ask for beside the conversation: remember, export, forget, reset, stats."""
