LIBRARY = "hishel"
AUTH = "HTTPXAuth"
SNIPPET = """\
from hishel.httpx import CacheClient
client = CacheClient(auth=auth, rfc=True)  # without rfc=True, others are given what it has kept
"""
