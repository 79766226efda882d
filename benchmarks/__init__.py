"""The figures that the README quotes, measured by one command: `make bench`."""
