"""The pool: pages are made by a few threads that live as long as the portal.

Django's own handler makes a thread for each request, and each thread opens the databases anew.  Here a request waits
for one of a few threads, whose connections stay open.  More threads than these would share one interpreter, and each
would finish later; a page that waits for the projector holds one of them for a second at most.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from django.core import signals
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

__all__ = ["PooledHandler"]

THREADS: Final = 4


class PooledHandler(ASGIHandler):
    """Django behind ASGI, its pages made by the pool."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="page")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            raise ValueError(f"expected a request over HTTP; got {scope['type']}")
        try:
            body = await self.read_body(receive)
        except Exception as gone:
            if type(gone).__name__ == "RequestAborted":
                return
            raise
        try:
            request, refused = self.create_request(scope, body)
            if request is None:
                if refused is not None:
                    await self.send_response(refused, send)
                return
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._pool, self._answer, request, scope)
            await self.send_response(answer, send)
        finally:
            body.close()

    def _answer(self, request: HttpRequest, scope: Any) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        return self.get_response(request)
