"""What a person sees: JupyterLab and Notebook 7 in a real Chromium, on loopback alone."""
