LIBRARY = "gql (httpx, async)"
AUTH = "HTTPXAuth"
SNIPPET = """\
from gql import Client
from gql.transport.httpx import HTTPXAsyncTransport
client = Client(transport=HTTPXAsyncTransport(url, auth=auth))
"""
