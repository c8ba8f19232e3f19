"""What is measured of the parts themselves; what is measured of the service stands in `loadtest`."""
