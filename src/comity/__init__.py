"""Structured access to AI models, between a public authority and a provider."""

__version__ = "0.1.0"
