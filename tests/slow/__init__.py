"""Other people's clients, by `make test-slow`: hundreds of MB, so not by `make test`."""
