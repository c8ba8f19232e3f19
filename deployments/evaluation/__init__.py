"""How good are the answers? One row a task, of a running service or of an engine's tape."""
