"""Where it runs: Ray Serve around lift_sys. Start at app.py."""
