"""Desired-state files: YAML in, `Desired` or every problem out."""
