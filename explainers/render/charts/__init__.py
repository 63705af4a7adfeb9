"""Altair charts: pure functions from tables and attributions to charts, by what they are of."""
