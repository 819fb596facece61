"""The outside world: one provider a file, strangers to the models."""
