"""What holds whatever comes, tried with what Hypothesis thinks of."""
