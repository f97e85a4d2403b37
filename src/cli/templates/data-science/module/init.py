"""The steps of the project: each module is one rule of the Rulefile."""
