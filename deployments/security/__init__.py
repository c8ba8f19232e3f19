"""What stands between the network and the routes: who calls, what they may do, and how much."""
