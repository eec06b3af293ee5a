LIBRARY = "requests-toolbelt"
AUTH = "RequestsAuth"
SNIPPET = """\
from requests_toolbelt.sessions import BaseUrlSession
session = BaseUrlSession(url)
session.auth = auth
"""
