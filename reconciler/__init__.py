"""Keeps AWS CodeConnections the way YAML files say it should be."""

__version__ = "0.1.0"
