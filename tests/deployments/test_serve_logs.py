"""Serve's log outlives libraries that set logging up anew."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from logging.config import dictConfig
from logging.handlers import MemoryHandler

import pytest
from ray.serve._private.constants import SERVE_LOGGER_NAME

from cluster.spec import FleetSpec
from deployments.config import LAPTOP, SERVING_ENVIRONMENT, serve_config
from deployments.serve_logs import OUR_LOGGER, SERVE_LOGGER, kept_open, start_logging

REPLICA = """
import json, logging, os, sys
from ray.serve._private import constants
from ray.serve._private.common import ServeComponentType
from ray.serve._private.logging_utils import configure_component_logger
from ray.serve.schema import LoggingConfig
from deployments.serve_logs import start_logging

folder, level, config = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
configure_component_logger(
    component_name="signalbox_small",
    component_id="abc",
    component_type=ServeComponentType.REPLICA,
    logging_config=LoggingConfig(**config, logs_dir=folder),
    max_bytes=10_000,
    backup_count=1,
    buffer_size=constants.RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE,
)
start_logging(level, "small")
log = logging.getLogger("signalbox.test")
log.debug("a debug line")
log.info("an info line")
try:
    {}["no such key"]
except KeyError:
    log.exception("unexpected error")
logging.getLogger("asyncio").error("an error of a library")
logging.getLogger("ray.serve").info("GET / 200", extra={"serve_access_log": True})
print("a print", file=sys.stderr)
os._exit(0)  # what is only in memory is lost
"""


@pytest.fixture
def log(tmp_path):
    """A file behind a MemoryHandler, as Serve sets a replica's log up."""
    path = tmp_path / "replica.log"
    file = logging.FileHandler(path)
    handler = MemoryHandler(capacity=1, target=file)
    logger = logging.getLogger(SERVE_LOGGER)
    logger.addHandler(handler)
    yield path
    logger.removeHandler(handler)
    file.close()


def test_the_logger_is_serves():
    assert SERVE_LOGGER == SERVE_LOGGER_NAME


def test_what_is_said_during_and_after_is_in_the_log(log):
    logger = logging.getLogger(SERVE_LOGGER)
    with kept_open():
        dictConfig({"version": 1, "disable_existing_loggers": False})
        logger.error("the engine starts")
    logger.error("the engine serves")
    assert log.read_text().splitlines() == ["the engine starts", "the engine serves"]


def test_it_is_kept_open_when_the_start_fails(log):
    @kept_open()
    def start():
        dictConfig({"version": 1, "disable_existing_loggers": False})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        start()
    logging.getLogger(SERVE_LOGGER).error("the engine failed")
    assert log.read_text() == "the engine failed\n"


def replica_log(tmp_path, level):
    """What a replica of the fleet writes into its log, with Serve's own set-up."""
    fleet = FleetSpec.model_validate({"pools": {"small": {"tier": "small", "model": "m"}}})
    config = json.dumps(serve_config(fleet, LAPTOP)["applications"][0]["logging_config"])
    command = [sys.executable, "-c", REPLICA, str(tmp_path), level, config]
    subprocess.run(command, env=os.environ | SERVING_ENVIRONMENT, check=True, timeout=120)
    (file,) = tmp_path.glob("replica_signalbox_small_abc*.log")
    return file.read_text()


def test_a_replicas_lines_and_tracebacks_are_in_serves_file_at_once(tmp_path):
    text = replica_log(tmp_path, "info")
    assert re.search(r"^INFO \S+ \S+ signalbox_small abc -- an info line$", text, re.M)
    assert "unexpected error\nTraceback (most recent call last):" in text
    assert "KeyError: 'no such key'" in text
    assert "an error of a library" in text
    assert "a print" in text
    assert "a debug line" not in text
    assert "GET / 200" not in text


def test_the_level_is_the_specs(tmp_path):
    text = replica_log(tmp_path, "error")
    assert "unexpected error" in text
    assert "an info line" not in text


def test_outside_ray_nothing_is_opened():
    start_logging("warning", "board")
    assert logging.getLogger(OUR_LOGGER).handlers == []
    start_logging("info", "board")
