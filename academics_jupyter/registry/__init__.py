"""The registry: a MongoDB database that says who is online, what exists and who holds it."""
