"""Pure rules: no clock, database or network; milliseconds to test."""
