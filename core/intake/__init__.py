"""Taking messages in: live ones, those before the first mention, and those missed while away."""
