"""Magics and panels: the only place that imports IPython or ipywidgets."""
