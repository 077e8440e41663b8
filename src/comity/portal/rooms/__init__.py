"""Rooms: the pages of the portal. Each view reads tables, or turns a form into a command; none decides."""
