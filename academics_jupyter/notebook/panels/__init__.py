"""The panels: for each noun a Python file, a JavaScript file and a style sheet; `panel.Panel` holds them together.

Panels hold no truth: they draw the peer's state and call its methods. Nothing of a peer ever becomes HTML.
"""
