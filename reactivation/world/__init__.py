"""Where positions live, how agents move, what output cells encode; a task puts the three together."""
