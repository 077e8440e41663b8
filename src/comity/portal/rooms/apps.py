"""The Django app of the pages: their templates, tags and checks."""

from django.apps import AppConfig

__all__ = ["RoomsConfig"]


class RoomsConfig(AppConfig):
    """Pages, partials and checks."""

    name = "comity.portal.rooms"
    label = "rooms"

    def ready(self) -> None:
        """Register the system checks."""
        from comity.portal import checks

        checks.register()
