"""The providers themselves, by `make test-live`: questions that cost money, so not by `make test`."""
