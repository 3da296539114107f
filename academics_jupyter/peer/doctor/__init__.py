"""The doctor: examines a profile and says what to mend. `examining` runs the checks, which are by what they look at."""
