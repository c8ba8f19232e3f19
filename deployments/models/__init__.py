"""Weights on this machine: found, fetched, converted. Start at weights.py."""
