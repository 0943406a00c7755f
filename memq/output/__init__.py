"""Records, and the texts that are made of them: table, JSON, CSV."""
