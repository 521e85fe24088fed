"""What the app needs at Discord: its manifest, and what the doctor checks."""
