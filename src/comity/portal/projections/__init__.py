"""Projections: what pages show of cases, as tables that follow from entries and can be dropped and made again."""
