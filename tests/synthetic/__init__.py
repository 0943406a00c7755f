"""Writers of what a dump holds, for tests that need no dump."""
