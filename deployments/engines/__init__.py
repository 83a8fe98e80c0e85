"""Engines behind one small protocol (`deployments.engines.base.Engine`), one file or folder each."""
