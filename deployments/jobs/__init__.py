"""Work that is accepted now and done later. Start at worker.py; what it needs of a database is said in store.py."""
