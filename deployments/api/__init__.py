"""The HTTP API: routes, streams, and how a mistake is told."""
