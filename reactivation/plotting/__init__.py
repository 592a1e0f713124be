"""Drawing, and nothing else: each function draws given numbers on given Axes, and returns the Axes."""
