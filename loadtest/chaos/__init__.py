"""One fault at a time into a service of this machine, under load: what is lost, what is wrong, and for how long."""
