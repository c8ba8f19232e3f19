"""How code earns a verdict. Read judge.py first."""
