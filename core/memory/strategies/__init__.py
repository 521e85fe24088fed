"""The memory strategies: what stays word for word, and what a summary replaces."""
