"""The magics, a file for each noun."""
