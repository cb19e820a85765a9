"""Security headers on every answer, with a fresh nonce for each document."""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SecurityHeaders:
    """Pure ASGI, because streamed answers must not be held back."""

    def __init__(self, app: ASGIApp, faults: frozenset[str]) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = "c3RhbGUtbm9uY2Utb2Ytc3RhZ2luZw" if "csp-nonce-reused" in self._faults else secrets.token_urlsafe(18)
        scope.setdefault("state", {})["nonce"] = nonce

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), scope["path"], nonce)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders, path: str, nonce: str) -> None:
        is_html = headers.get("content-type", "").startswith("text/html")
        if is_html and "headers-missing-on-html" in self._faults:
            return
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        if not is_html:
            return
        may_frame = path.startswith("/embed/")
        ancestors = "'self'" if may_frame else "'none'"
        headers["X-Frame-Options"] = "SAMEORIGIN" if may_frame else "DENY"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "no-store")
        headers["Content-Security-Policy"] = "; ".join((
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {ancestors}",
            "require-trusted-types-for 'script'",
            "report-uri /csp-report",
        ))  # fmt: skip
