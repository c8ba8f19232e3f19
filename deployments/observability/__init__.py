"""What an operator sees: objectives, the alerts that follow from them, dashboards. `make dashboards` writes them."""
