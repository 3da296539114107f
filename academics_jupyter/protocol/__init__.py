"""The rules of the network, pure: data in, data out. No I/O, clock, randomness, loop or log."""
