"""Settings that people see and change where they talk, by words and by forms."""
