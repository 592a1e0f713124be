"""Drawing, and nothing else: each function puts the numbers it is given on the Axes it is given, and returns them."""
