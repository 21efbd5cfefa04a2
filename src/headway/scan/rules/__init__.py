"""The rules, one file each; :data:`RULES` has them all by id."""

from __future__ import annotations

from collections.abc import Mapping

from headway.scan.rules import (
    logs_token_in_url,
    opaque_token_in_url,
    proxy_error_log,
    proxy_logs_query,
    proxy_logs_referer,
    reads_token_from_url,
    sends_token_in_url,
    takes_token_in_query,
    token_cut_off,
    token_in_history,
    token_in_redirect,
    token_in_referer,
    token_in_text,
    token_in_url,
)
from headway.scan.rules.rule import Fix, Looks, Rule

__all__ = ["RULES", "Fix", "Looks", "Rule"]

RULES: Mapping[str, Rule] = {
    each.RULE.id: each.RULE
    for each in (
        token_in_url,
        token_in_referer,
        token_in_redirect,
        token_in_text,
        opaque_token_in_url,
        token_cut_off,
        token_in_history,
        sends_token_in_url,
        logs_token_in_url,
        reads_token_from_url,
        takes_token_in_query,
        proxy_logs_query,
        proxy_logs_referer,
        proxy_error_log,
    )
}
"""In the order of the documentation."""
