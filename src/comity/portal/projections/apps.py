"""The Django app of the projections."""

from django.apps import AppConfig

__all__ = ["ProjectionsConfig"]


class ProjectionsConfig(AppConfig):
    """Tables that the projector alone writes."""

    name = "comity.portal.projections"
    label = "projections"
