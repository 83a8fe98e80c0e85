"""`signalbox`: the command line. Each command is a few calls into the other rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.facts import UnknownModel, facts_of
from cluster.plan import TARGETS
from cluster.problems import did_you_mean
from signalbox.client import DEFAULT_URL, EndpointError, get_json
from signalbox.commands.bench import bench
from signalbox.commands.collect import collect
from signalbox.commands.dashboards import group as dashboards_group
from signalbox.commands.metrics import metrics
from signalbox.commands.monitor import monitor
from signalbox.commands.render import render_command
from signalbox.commands.router import group as router_group
from signalbox.commands.router_eval import eval_command
from signalbox.commands.router_train import train_command
from signalbox.commands.simulate import simulate
from signalbox.commands.spec import spec
from signalbox.console import DEFAULT_SPEC, SpecArgument, UrlOption, err, load_or_exit, out

app = typer.Typer(
    name="signalbox",
    help="One OpenAI-compatible endpoint over pools of open models on a Ray cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(bench, name="bench")
app.add_typer(dashboards_group, name="dashboards")
app.add_typer(router_group, name="router")
app.command()(collect)
app.command("render")(render_command)
app.command()(metrics)
app.command()(monitor)
app.command()(spec)
app.command()(simulate)
router_group.command("train")(train_command)
router_group.command("eval")(eval_command)


def _get(url: str, path: str) -> dict[str, object]:
    try:
        return get_json(url, path)
    except EndpointError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error


@app.command()
def serve(
    spec: SpecArgument,
    port: Annotated[int | None, typer.Option(help="HTTP port instead of the spec's.")] = None,
    ready_timeout_s: Annotated[float, typer.Option(help="How long the pools may take to come up.")] = 900.0,
) -> None:
    """Start a Ray cluster on this machine with the fleet on it, until Ctrl-C."""
    from deployments.preflight import quality_problems
    from signalbox.commands.serve import serve_until_stopped

    fleet = load_or_exit(spec)
    if problems := quality_problems(fleet):
        err.print(*problems, style="red", markup=False)
        raise typer.Exit(2)
    if port is not None:
        fleet = fleet.model_copy(update={"gateway": fleet.gateway.model_copy(update={"port": port})})
    raise typer.Exit(serve_until_stopped(fleet, ready_timeout_s, out, err))


@app.command()
def check(spec: SpecArgument) -> None:
    """Check a spec and show whether every pool fits its hardware. Needs no cluster and no network."""
    from deployments.preflight import check_fleet
    from signalbox.tables.check import render_check

    fleet = load_or_exit(spec)
    report = check_fleet(fleet)
    out.print(render_check(fleet, report))
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def plan(
    model: Annotated[str, typer.Argument(help="A model folder, or a hub id whose config ships with Signalbox.")],
    gpu: Annotated[list[str] | None, typer.Option(help="Device type; several times for several. Default: all.")] = None,
    context: Annotated[int | None, typer.Option(min=1, help="Tokens of a sequence. Default: 8192.")] = None,
    price: Annotated[float | None, typer.Option(min=0, help="Price of one device for an hour.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what hardware a model needs: weights, KV cache, smallest layouts, cost, and what to run, with reasons."""
    from signalbox.tables.plan import plan_data, render_plan

    if unknown := next((name for name in gpu or () if name not in TARGETS), None):
        err.print(f"--gpu: found '{unknown}': {did_you_mean(unknown, TARGETS)}", style="red", markup=False)
        raise typer.Exit(2)
    try:
        facts = facts_of(model)
    except UnknownModel as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    length = context or min(8192, facts.max_context_tokens)
    if length > facts.max_context_tokens:
        err.print(f"--context: found {length}, the model was made for {facts.max_context_tokens}", style="red")
        raise typer.Exit(2)
    data = plan_data(facts, gpu or list(TARGETS), length, price)
    out.print_json(data=data) if as_json else out.print(render_plan(model, data))


@app.command()
def status(url: UrlOption = DEFAULT_URL) -> None:
    """Show the pools and replicas of a running fleet, and why there are so many."""
    from signalbox.tables.fleet import fleet_tables, scaling_tables

    for table in (*fleet_tables(_get(url, "/v1/fleet")), *scaling_tables(_get(url, "/v1/scaling"))):
        out.print(table)


@app.command()
def models(url: UrlOption = DEFAULT_URL) -> None:
    """List the names a request may put into `model`."""
    from signalbox.tables.fleet import models_table

    out.print(models_table(_get(url, "/v1/models")))


@app.command()
def route(
    text: Annotated[str, typer.Argument(help="A query.")],
    spec: Annotated[Path, typer.Option(help="The fleet spec to route for.")] = DEFAULT_SPEC,
    model: Annotated[str, typer.Option(help="`auto`, or a name that pins a pool.")] = "auto",
    wish: Annotated[str, typer.Option(help="Words such as cheap, best, quality=0.9, cost=0.001.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as POST /v1/route answers.")] = False,
) -> None:
    """Show where a query goes and why, without a running fleet: every pool counts as ready and idle."""
    from router.loading import BadQualityModel, load_quality
    from signalbox.commands.route import NoRoute, render_route, route_data

    fleet = load_or_exit(spec)
    try:
        data = route_data(fleet, load_quality(fleet), text, model, wish)
    except (NoRoute, BadQualityModel) as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    out.print_json(data=data) if as_json else out.print(render_route(data))


if __name__ == "__main__":
    app()
