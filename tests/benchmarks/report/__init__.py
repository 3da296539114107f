"""The page of figures, docs/performance.md: benchmarks run, their figures kept, and drawn. See `__main__`."""
