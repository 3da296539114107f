"""Academics: a peer-to-peer network of academics inside Jupyter."""

__version__ = "0.1.0"
