"""Where we log what happens to requests."""

import logging

logger = logging.getLogger("ray.serve.lift")
"""Below Serve's own, which writes to the replica's file, in JSON where the config says so, and with a request id."""
