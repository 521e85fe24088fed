"""What the real program goes through: for tests in short time, for figures in real time."""
