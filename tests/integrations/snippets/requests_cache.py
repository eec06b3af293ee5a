LIBRARY = "requests-cache"
AUTH = "RequestsAuth"
SNIPPET = """\
from requests_cache import CachedSession
session = CachedSession(backend="memory")  # a cache for each credential: its key leaves the token out
session.auth = auth
"""
