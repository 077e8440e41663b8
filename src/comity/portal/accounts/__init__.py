"""Accounts: who signs in, with which role, for which organisation. These tables are local and no projection."""
