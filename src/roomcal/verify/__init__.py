"""Prediction against measurement, session against session."""
