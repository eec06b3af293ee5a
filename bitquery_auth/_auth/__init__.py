"""Auths: how a token gets onto a request, and what follows when the API rejects it."""
