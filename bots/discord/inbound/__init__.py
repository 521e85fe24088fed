"""What people say on Discord, as the core's messages; and what is read back of the past."""
