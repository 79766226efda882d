"""What a person feels, measured by one command: `make bench`."""
