"""`signalbox`: the command line. Each command is a file of `commands`, a few calls into the other rooms."""

from __future__ import annotations

import typer

from signalbox.commands.apply import apply
from signalbox.commands.bench import bench
from signalbox.commands.check import check
from signalbox.commands.collect import collect
from signalbox.commands.dashboards import dashboards
from signalbox.commands.facts import facts
from signalbox.commands.init import init
from signalbox.commands.logs import logs
from signalbox.commands.metrics import metrics
from signalbox.commands.models import models
from signalbox.commands.monitor import monitor
from signalbox.commands.plan import plan
from signalbox.commands.render import render
from signalbox.commands.route import route
from signalbox.commands.router import router
from signalbox.commands.router_curve import router_curve
from signalbox.commands.router_eval import router_eval
from signalbox.commands.router_train import router_train
from signalbox.commands.serve import serve
from signalbox.commands.simulate import simulate
from signalbox.commands.spec import spec
from signalbox.commands.status import status

app = typer.Typer(
    name="signalbox",
    help="One OpenAI-compatible endpoint over pools of open models on a Ray cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    init,
    serve,
    apply,
    check,
    plan,
    facts,
    status,
    models,
    logs,
    route,
    monitor,
    render,
    simulate,
    collect,
    spec,
    metrics,
):
    app.command()(command)
for group in (router, bench, dashboards):
    app.add_typer(group)
router.command("train")(router_train)
router.command("eval")(router_eval)
router.command("curve")(router_curve)


if __name__ == "__main__":
    app()
