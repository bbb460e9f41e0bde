"""The workbench behind the Makefile: it starts, tests, measures and stops the whole."""
