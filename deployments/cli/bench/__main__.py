"""`python -m deployments.cli.bench`: for a machine on which the package is not installed."""

from deployments.cli.bench import bench

bench()
