"""The vendor's prompt cache: its minimum and its time, by replies, and whether it is read."""
