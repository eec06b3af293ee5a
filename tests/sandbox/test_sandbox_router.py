"""What is answered in front of the OAuth endpoints: as Hydra's router does, in plain text."""

from __future__ import annotations

import pytest
import requests

from bitquery_auth.sandbox import Sandbox

PATHS = ("/oauth2/token", "/oauth2/revoke")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_other_methods_than_post_are_not_allowed(bitquery_sandbox: Sandbox, method: str, path: str) -> None:
    answer = requests.request(method, bitquery_sandbox.url + path, data={"token": "x"}, timeout=10)
    assert answer.status_code == 405
    assert answer.text == ("" if method == "HEAD" else "Method Not Allowed\n")
    assert answer.headers["Allow"] == "OPTIONS, POST"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cache-Control" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_options_are_answered_with_nothing(bitquery_sandbox: Sandbox, path: str) -> None:
    answer = requests.options(bitquery_sandbox.url + path, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Cache-Control"] == "private, no-cache, no-store, must-revalidate"


def test_whatever_comes_to_an_endpoint_is_counted(bitquery_sandbox: Sandbox) -> None:
    for path in PATHS:
        requests.get(bitquery_sandbox.url + path, timeout=10)
    assert (bitquery_sandbox.token_requests, bitquery_sandbox.revocation_requests) == (1, 1)
    assert bitquery_sandbox.tokens_issued == 0


def test_another_path_is_not_found(bitquery_sandbox: Sandbox) -> None:
    answer = requests.post(f"{bitquery_sandbox.token_endpoint}/other", timeout=10)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
