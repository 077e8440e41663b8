"""Migrations of the local tables."""
