"""The inside of the sandbox: runs in a fresh interpreter, imports the standard library only, and is not trusted."""
