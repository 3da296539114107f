"""What `%load_ext academics` and `import academics` find; everything lives in `academics_jupyter`."""
