"""What a deployed endpoint does, seen from outside: `lift report`."""
