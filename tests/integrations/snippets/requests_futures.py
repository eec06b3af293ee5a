LIBRARY = "requests-futures"
AUTH = "RequestsAuth"
SNIPPET = """\
from requests_futures.sessions import FuturesSession
session = FuturesSession(max_workers=8)
session.auth = auth
"""
