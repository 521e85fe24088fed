"""Discord: gateway events become messages, answers become posts."""
