"""How settings are declared, read from text, merged in layers, and described; nothing here loads torch."""
