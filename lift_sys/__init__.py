"""How it is made: request, IR, code, verdict. Read pipeline.py first."""
