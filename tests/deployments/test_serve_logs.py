"""Serve's log outlives libraries that set logging up anew."""

from __future__ import annotations

import logging
from logging.config import dictConfig
from logging.handlers import MemoryHandler

import pytest
from ray.serve._private.constants import SERVE_LOGGER_NAME

from deployments.serve_logs import SERVE_LOGGER, kept_open


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
