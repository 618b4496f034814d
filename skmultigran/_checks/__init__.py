"""Checks of the promises that users' own parts make."""
