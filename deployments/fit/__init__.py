"""Whether a model fits a GPU: arithmetic on its config.json, before anything is rented or loaded. Start at fit.py."""
