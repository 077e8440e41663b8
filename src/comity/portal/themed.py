"""The loader by which templates are read under a theme that is not the plain one."""

from typing import Any

from django.template.base import Origin
from django.template.loaders.filesystem import Loader

from comity.portal.themes import THEMES, dressed

__all__ = ["ThemedLoader"]


class ThemedLoader(Loader):
    """Reads our templates with a theme's class names in them."""

    def __init__(self, engine: Any, theme: str, dirs: Any = None) -> None:
        super().__init__(engine, dirs)
        self._classes = THEMES[theme].classes

    def get_contents(self, origin: Origin) -> str:
        """The template's source, dressed."""
        return dressed(super().get_contents(origin), self._classes)
