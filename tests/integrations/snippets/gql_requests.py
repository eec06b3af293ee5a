LIBRARY = "gql (requests)"
AUTH = "RequestsAuth"
SNIPPET = """\
from gql import Client
from gql.transport.requests import RequestsHTTPTransport
client = Client(transport=RequestsHTTPTransport(url, auth=auth, timeout=60))
"""
