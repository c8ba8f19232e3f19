"""Everything that stands between the network and the routes, in the order in which a request meets it."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from deployments.api.admin import add_admin
from deployments.security.access import Access
from deployments.security.audit_log import audit
from deployments.security.body_limit import HeaderLimit
from deployments.security.key_file import KeyFile
from deployments.security.origins import ALLOWED_HEADERS, EXPOSED_HEADERS, HostCheck, SafeHeaders, is_near
from deployments.security.quota_gate import QuotaGate
from deployments.security.quotas import Quotas
from deployments.settings import ApiSettings


def secure(api: FastAPI, settings: ApiSettings) -> Quotas:
    """Raises `KeysInvalid`. The middleware added last is met first."""
    keys = KeyFile(settings.keys_file, audit) if settings.keys_file else None
    quotas = Quotas(settings.quota, settings.quota_store)
    api.add_middleware(QuotaGate, quotas=quotas)
    api.add_middleware(Access, keys=keys, allow_anonymous=settings.allow_anonymous)
    if settings.hosts:
        api.add_middleware(HostCheck, is_ours=frozenset(settings.hosts).__contains__)
    elif keys is None and not settings.allow_anonymous:
        api.add_middleware(HostCheck, is_ours=is_near)
    if settings.cors_origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )
    api.add_middleware(HeaderLimit, max_header_bytes=settings.max_header_bytes)
    api.add_middleware(SafeHeaders)
    add_admin(api, keys, quotas)
    return quotas
