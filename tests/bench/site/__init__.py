"""A site for measuring sweeps: 20 kinds of realistic pages, any number of them, and regressions to switch on."""

from .app import create_app
from .pages import KINDS, KNOWN_DEFECTS, LIVE, SitePage, site_pages
from .regressions import REGRESSIONS, Regression, UnknownRegressionError, parse_regressions

__all__ = [
    "KINDS",
    "KNOWN_DEFECTS",
    "LIVE",
    "REGRESSIONS",
    "Regression",
    "SitePage",
    "UnknownRegressionError",
    "create_app",
    "parse_regressions",
    "site_pages",
]
