"""What of the simulation needs Ray or a picture."""
