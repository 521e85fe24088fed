"""What operators run and read: the doctor, export and audit, migration, and the log."""
