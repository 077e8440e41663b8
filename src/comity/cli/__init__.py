"""The command line: every room's door in a terminal."""
