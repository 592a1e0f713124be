"""How hyperparameters are declared, read from text, laid over each other and described; nothing here loads torch."""
