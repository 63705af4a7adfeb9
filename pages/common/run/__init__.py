"""Calling explainers from a page."""
