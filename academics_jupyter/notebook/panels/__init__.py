"""The panels, a file for each noun."""
