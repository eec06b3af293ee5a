LIBRARY = "gql (httpx)"
AUTH = "HTTPXAuth"
SNIPPET = """\
from gql import Client
from gql.transport.httpx import HTTPXTransport
client = Client(transport=HTTPXTransport(url, auth=auth))
"""
