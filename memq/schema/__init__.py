"""Which objects exist, what they are called and what each of their fields means."""
