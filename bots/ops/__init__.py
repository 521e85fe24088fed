"""What operators run and read: the doctor, exports, the audit log, migration, and the log."""
