"""`lift bench`: measurements of the parts, written to docs/results."""

import typer

from deployments.cli.bench.agreement import agreement
from deployments.cli.bench.api import api
from deployments.cli.bench.attacks import attacks
from deployments.cli.bench.branches import branches
from deployments.cli.bench.drain import drain
from deployments.cli.bench.engine import engine
from deployments.cli.bench.engines import engines
from deployments.cli.bench.fit import fit
from deployments.cli.bench.fuzz import fuzz
from deployments.cli.bench.grammar import grammar
from deployments.cli.bench.graph import graph
from deployments.cli.bench.jobs import jobs
from deployments.cli.bench.overload import overload
from deployments.cli.bench.plot import plot
from deployments.cli.bench.scale import scale
from deployments.cli.bench.scaling import scaling
from deployments.cli.bench.service import service
from deployments.cli.bench.simulation import simulation
from deployments.cli.bench.start import start
from deployments.cli.bench.takes import takes
from deployments.cli.bench.validator import validator
from deployments.cli.bench.weights import weights

bench = typer.Typer(help="Measure the parts, and record what was measured.", no_args_is_help=True)
bench.command()(engine)
bench.command()(grammar)
bench.command()(attacks)
bench.command()(fuzz)
bench.command()(api)
bench.command()(validator)
bench.command()(takes)
bench.command()(graph)
bench.command()(service)
bench.command()(branches)
bench.command()(engines)
bench.command()(simulation)
bench.command()(start)
bench.command()(weights)
bench.command()(fit)
bench.command()(scaling)
bench.command()(scale)
bench.command()(overload)
bench.command()(drain)
bench.command()(agreement)
bench.command()(plot)
bench.command()(jobs)
