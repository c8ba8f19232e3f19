"""Traffic from outside: HTTP and the schemas, nothing else of the system."""
