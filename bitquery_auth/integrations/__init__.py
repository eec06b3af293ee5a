"""Bridges to libraries that take neither a requests nor an httpx auth: one module per library."""
