"""Fitting the model and using it."""
