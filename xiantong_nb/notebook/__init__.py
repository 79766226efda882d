"""The notebook edge: the only place that knows IPython."""
