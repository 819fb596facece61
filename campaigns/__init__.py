"""Cadenza: campaigns that send every step at the right moment, from the right account, and stop when answered."""
