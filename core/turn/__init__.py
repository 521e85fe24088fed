"""One turn: what is remembered, the model's answer, the commit, and the delivery."""
