"""The profile on disk: its keys, its database and its repository of files."""
