"""What people say on Discord, turned into the core's messages, live and read from history."""
