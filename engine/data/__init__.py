"""Bars from outside to arrays inside: sources, packaged sets, calendars, corporate actions."""
