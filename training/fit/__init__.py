"""Fits the quality model and the confidence model."""
