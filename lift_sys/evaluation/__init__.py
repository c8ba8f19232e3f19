"""How good are the answers? Tasks with checks that the service never sees."""
