"""What is about the paper rather than about networks: what it trained and measured, its figures, its claims, its report.

Built on the package `reactivation`, which knows nothing of it.
"""
