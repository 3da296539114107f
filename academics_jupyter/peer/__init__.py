"""The services of a peer and the engine that runs them; no notebook needed."""
