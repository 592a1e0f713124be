"""From a batch to a gradient step, from a folder to its last step; one network, a stack of them, or a process each."""
