"""All that is specific to the paper: its networks and measurements, its figures, its claims, its report.

It is built on the package `reactivation`, which does not import it.
"""
