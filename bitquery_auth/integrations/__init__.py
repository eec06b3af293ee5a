"""Bridges to libraries that take neither a requests nor an httpx auth: a module for each, named after it."""
