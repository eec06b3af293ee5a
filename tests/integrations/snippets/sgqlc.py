LIBRARY = "sgqlc"
AUTH = "RequestsAuth"
SNIPPET = """\
from sgqlc.endpoint.requests import RequestsEndpoint
endpoint = RequestsEndpoint(url, auth=auth, timeout=60)
"""
