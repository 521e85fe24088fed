"""What people see with a message beside its words, and what helps to read it."""
