LIBRARY = "CacheControl"
AUTH = "RequestsAuth"
SNIPPET = """\
import requests
from cachecontrol import CacheControl
session = CacheControl(requests.Session())
session.auth = auth
"""
